import { existsSync } from 'node:fs';
import { dirname } from 'node:path';
import { Redis } from 'ioredis';
import { embeddedSocket, type Settings } from '../config/index.ts';
import type { Report } from '../../domain/events.ts';
import { WavspoolError, messageOf } from '../../domain/faults.ts';
import { strangeDirectory, type Clock } from '../runtime/index.ts';
import { followSwaps } from './role-swaps.ts';
import { whyTurnedAway } from './turned-away.ts';
import { unixConnector } from './unix-connector.ts';

/** A lasting fault is reported at first, then this often. */
const REPEAT_MS = 30_000;
/** A command that has had no answer for so long is on a connection that is lost without a word. BullMQ itself waits 10 s at most. */
const SILENT_MS = 30_000;
/** So often a command connects anew to a Redis that says it is a replica, 200 ms apart. */
const MOST_SWAPS = 10;
/** Where Redis is, as ioredis takes it. */
interface RedisAddress {
  path?: string;
  Connector?: ReturnType<typeof unixConnector>;
  host?: string;
  port?: number;
  username?: string;
  password?: string;
  db?: number;
  tls?: object;
}

/** How to reach the Redis of these settings. */
export function redisOptions(settings: Pick<Settings, 'redis' | 'paths'>): RedisAddress {
  const address = settings.redis.url?.reveal();
  if (address === undefined) return onSocket(embeddedSocket(settings.paths.data), true);
  const url = new URL(address);
  if (url.protocol === 'unix:') return onSocket(decodeURIComponent(url.pathname), false);
  return {
    host: url.hostname.replace(/^\[(.*)\]$/, '$1'),
    port: url.port === '' ? 6379 : Number(url.port),
    ...(url.username === '' ? {} : { username: decodeURIComponent(url.username) }),
    ...(url.password === '' ? {} : { password: decodeURIComponent(url.password) }),
    ...(url.pathname.length > 1 ? { db: Number(url.pathname.slice(1)) } : {}),
    ...(url.protocol === 'rediss:' ? { tls: {} } : {}),
  };
}

function onSocket(path: string, isOurs: boolean): RedisAddress {
  return { path, Connector: unixConnector(path, isOurs) };
}

/** The address of the Redis of these settings, without its password, for people. */
export function redisAddress(settings: Pick<Settings, 'redis' | 'paths'>): string {
  const { path, host, port, db } = redisOptions(settings);
  return path === undefined ? `redis://${host}:${port}/${db ?? 0}` : `unix://${path}`;
}

/**
 * A connection that waits for Redis as long as it takes: a role's. Going away and coming back are reported, once each
 * and every 30 s in between.
 */
export function patientConnection(
  settings: Pick<Settings, 'redis' | 'paths'>,
  report: Report,
  clock: Clock,
): Redis {
  const refused = repeatedly(report, clock);
  const redis = new Redis({
    ...redisOptions(settings),
    maxRetriesPerRequest: null,
    socketTimeout: SILENT_MS,
    retryStrategy: (times) => Math.min(200 * times, 2000),
    // with each connection made anew a command waits, so nobody else says that Redis refuses
    reconnectOnError: followSwaps((err) => {
      refused(err);
      return true;
    }),
  });
  let awaySince: number | undefined;
  let reportedAt = Number.NEGATIVE_INFINITY;
  let times = 0;
  redis.on('error', (err) => {
    times += 1;
    awaySince ??= clock.monotonicMs();
    if (clock.monotonicMs() - reportedAt < REPEAT_MS) return;
    reportedAt = clock.monotonicMs();
    void whyTurnedAway(redisOptions(settings), err).then((why) =>
      report('redis away', { err: why ?? err, times }),
    );
  });
  redis.on('ready', () => {
    if (awaySince !== undefined)
      report('redis back', { awayMs: Math.round(clock.monotonicMs() - awaySince) });
    awaySince = undefined;
    reportedAt = Number.NEGATIVE_INFINITY;
    times = 0;
  });
  return redis;
}

/** Reports that Redis refuses, at first and every 30 s while it lasts. */
export function repeatedly(report: Report, clock: Clock): (err: Error) => void {
  let reportedAt = Number.NEGATIVE_INFINITY;
  let times = 0;
  return (err) => {
    times += 1;
    if (clock.monotonicMs() - reportedAt < REPEAT_MS) return;
    reportedAt = clock.monotonicMs();
    report('redis refuses', { err, times });
  };
}

/** A connection that gives up within seconds: a command's. Throws REDIS_UNREACHABLE. */
export async function impatientConnection(settings: Pick<Settings, 'redis' | 'paths'>): Promise<Redis> {
  const options = redisOptions(settings);
  const address = redisAddress(settings);
  if (options.path !== undefined && !existsSync(options.path)) {
    throw new WavspoolError(
      'REDIS_UNREACHABLE',
      `the embedded Redis is not running: there is no ${options.path}`,
    );
  }
  const strange =
    settings.redis.url === undefined
      ? strangeDirectory(dirname(embeddedSocket(settings.paths.data)))
      : undefined;
  if (strange !== undefined) throw strange;
  let swaps = 0;
  const redis = new Redis({
    ...options,
    lazyConnect: true,
    connectTimeout: 3000,
    commandTimeout: 10_000,
    maxRetriesPerRequest: 1,
    retryStrategy: (times) => (times > 2 ? null : 200),
    reconnectOnError: followSwaps(() => {
      swaps += 1;
      return swaps <= MOST_SWAPS;
    }),
  });
  let fault: unknown;
  redis.on('error', (error) => {
    fault = error;
  });
  try {
    await redis.connect();
  } catch (error) {
    redis.disconnect();
    const why = await whyTurnedAway(options, fault ?? error);
    throw new WavspoolError(
      'REDIS_UNREACHABLE',
      `Redis does not answer at ${address}: ${messageOf(why ?? fault ?? error)}`,
      {
        cause: error,
      },
    );
  }
  return redis;
}
