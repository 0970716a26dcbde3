import { existsSync } from 'node:fs';
import { dirname } from 'node:path';
import { Cluster, Redis } from 'ioredis';
import { embeddedSocket, isEmbeddedRedis } from '../config/index.ts';
import type { Report } from '../../domain/events.ts';
import { WavspoolError, messageOf } from '../../domain/faults.ts';
import { strangeDirectory, type Clock } from '../runtime/index.ts';
import {
  redisAddress,
  redisPlace,
  type RedisPlace,
  type RedisSettings,
  type ServerOptions,
} from './place.ts';
import { REPEAT_MS, repeatedly } from './repeatedly.ts';
import { followSwaps } from './role-swaps.ts';
import { whyTurnedAway } from './turned-away.ts';

/**
 * A command that has had no answer for so long is on a connection that is lost without a word, as to a server that stands still.
 * BullMQ's longest blocking read takes 11 s.
 */
const SILENT_MS = 15_000;
/** So often a command connects anew to a Redis that says it is a replica, 200 ms apart. */
const MOST_SWAPS = 10;
/** A command that finds no Redis tries so often again. */
const MOST_TRIES = 2;

/** A connection to one server, or to a cluster as a whole. */
export type RedisConnection = Redis;

/**
 * A connection that waits for Redis as long as it takes: a role's. Going away and coming back are reported, once each
 * and every 30 s in between. Throws SETTINGS_INVALID for a certificate that cannot be read.
 */
export function patientConnection(settings: RedisSettings, report: Report, clock: Clock): RedisConnection {
  const refused = repeatedly(report, clock);
  const place = redisPlace(settings);
  const redis = connect(
    place,
    {
      maxRetriesPerRequest: null,
      socketTimeout: SILENT_MS,
      // with each connection made anew a command waits, so only this says that Redis refuses
      reconnectOnError: followSwaps((err) => {
        refused(err);
        return true;
      }),
    },
    (times) => Math.min(200 * times, 2000),
  );
  let awaySince: number | undefined;
  let reportedAt = Number.NEGATIVE_INFINITY;
  let times = 0;
  redis.on('error', (err) => {
    times += 1;
    awaySince ??= clock.monotonicMs();
    if (clock.monotonicMs() - reportedAt < REPEAT_MS) return;
    reportedAt = clock.monotonicMs();
    void whyTurnedAway(place.options, err).then((why) => report('redis away', { err: why ?? err, times }));
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

/** A connection that gives up within seconds: a command's. Throws REDIS_UNREACHABLE. */
export async function impatientConnection(settings: RedisSettings): Promise<RedisConnection> {
  if (isEmbeddedRedis(settings.redis)) requireEmbedded(embeddedSocket(settings.paths.data));
  const place = redisPlace(settings);
  let swaps = 0;
  const redis = connect(
    place,
    {
      lazyConnect: true,
      connectTimeout: 3000,
      commandTimeout: 10_000,
      maxRetriesPerRequest: 1,
      reconnectOnError: followSwaps(() => {
        swaps += 1;
        return swaps <= MOST_SWAPS;
      }),
    },
    (times) => (times > MOST_TRIES ? null : 200),
  );
  let fault: unknown;
  redis.on('error', (error) => {
    fault = error;
  });
  redis.on('node error', (error: unknown) => {
    fault = error; // a cluster's own error says only that none of its nodes answers
  });
  try {
    await redis.connect();
  } catch (error) {
    redis.disconnect();
    const why = await whyTurnedAway(place.options, fault ?? error);
    throw new WavspoolError(
      'REDIS_UNREACHABLE',
      `Redis does not answer at ${redisAddress(settings)}: ${messageOf(why ?? fault ?? error)}`,
      { cause: error },
    );
  }
  return redis;
}

/**
 * Calls `listener` whenever Redis, or a part of it, is there again after its connection was lost, and whenever a cluster has other
 * masters than before.
 */
export function onReturnOf(redis: RedisConnection, listener: () => void): void {
  let lost = false;
  let masters = '';
  const note = (): void => {
    lost = true;
  };
  const back = (): void => {
    if (lost) listener();
    lost = false;
  };
  redis.on('close', note);
  redis.on('ready', back);
  // of a cluster one node may go, and another have its place as soon as the slots were asked for again
  redis.on('node error', note);
  redis.on('refresh', () => {
    const now = mastersOf(redis);
    // a master that only stood still comes back as a replica on the same connection: nothing was lost but what it had not passed on
    if (masters !== '' && now !== masters) note();
    masters = now;
    back();
  });
}

/** The masters of a cluster as this connection knows them; empty for one server. */
function mastersOf(redis: unknown): string {
  if (!(redis instanceof Cluster)) return '';
  const nodes = redis.nodes('master').map(({ options: { host, port } }) => `${host}:${port}`);
  return nodes.toSorted().join();
}

function connect(
  place: RedisPlace,
  options: Pick<
    ServerOptions,
    | 'maxRetriesPerRequest'
    | 'socketTimeout'
    | 'reconnectOnError'
    | 'lazyConnect'
    | 'connectTimeout'
    | 'commandTimeout'
  >,
  retryStrategy: (times: number) => number | null,
): RedisConnection {
  if (place.kind !== 'cluster')
    return new Redis({ ...place.options, ...options, retryStrategy, sentinelRetryStrategy: retryStrategy });
  const { lazyConnect, reconnectOnError: _, ...each } = options; // a cluster follows its masters by itself
  const cluster = new Cluster([...place.nodes], {
    redisOptions: { ...place.options, ...each },
    clusterRetryStrategy: retryStrategy,
    ...(lazyConnect === true && { lazyConnect }),
    // a certificate is of a name: resolved to a number it would not fit
    ...(place.options.tls !== undefined && { dnsLookup: (name, found) => found(null, name) }),
  });
  // both offer the same commands; ioredis types them apart by what a pipeline of each returns
  return cluster as unknown as Redis;
}

/** Throws REDIS_UNREACHABLE where the embedded Redis is not running or is not ours. */
function requireEmbedded(socket: string): void {
  if (!existsSync(socket))
    throw new WavspoolError('REDIS_UNREACHABLE', `the embedded Redis is not running: there is no ${socket}`);
  const strange = strangeDirectory(dirname(socket));
  if (strange !== undefined) throw strange;
}
