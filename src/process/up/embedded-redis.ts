import { spawn } from 'node:child_process';
import { chmod, mkdir } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { embeddedSocket } from '../../platform/config/index.ts';
import type { Report } from '../../domain/events.ts';
import { WavspoolError, errnoOf } from '../../domain/faults.ts';
import { childEnvironment, connectUnix, strangeDirectory, type Clock } from '../../platform/runtime/index.ts';
import { setAsideUnreadable } from './append-only-file.ts';
import { endLeftOverRedis } from './left-over-redis.ts';
import { supervise } from './supervise.ts';

export interface EmbeddedRedis {
  readonly socket: string;
  stop(graceMs: number): Promise<void>;
}

const START_DEADLINE_MS = 30_000;

/**
 * A private redis-server with an append-only file below `<data>/redis`, on a unix socket that only this user can open. One
 * that an `up` left behind (it was killed) is ended first, its append-only file has everything; a file that cannot be loaded is
 * set aside. Throws PROGRAM_MISSING, or REDIS_UNREACHABLE when it does not answer within 30 s.
 */
export async function startEmbeddedRedis(
  data: string,
  deps: { readonly clock: Clock; readonly report: Report },
): Promise<EmbeddedRedis> {
  const directory = join(data, 'redis');
  const socket = embeddedSocket(data);
  await makePrivate(directory);
  await requireProgram();
  await endLeftOverRedis(directory, deps);
  if (await answers(socket)) {
    const message = `a redis-server answers on ${socket} that this process cannot see: another container's, say`;
    throw new WavspoolError('ALREADY_RUNNING', message);
  }
  const logFile = join(directory, 'redis.log');
  const options = {
    port: '0',
    unixsocket: basename(socket), // in "dir": the whole path may be longer than the kernel takes
    unixsocketperm: '700',
    dir: directory,
    pidfile: join(directory, 'redis.pid'),
    logfile: logFile,
    daemonize: 'no',
    appendonly: 'yes',
    appendfsync: 'everysec',
    save: '',
    'maxmemory-policy': 'noeviction',
    'hash-max-listpack-value': '1024', // keeps a job in half the memory
  };
  const args = Object.entries(options).flatMap(([name, value]) => [`--${name}`, value]);
  const redis = supervise('redis', ['redis-server', ...args], deps, {
    cwd: directory, // by which one that is left behind is known
    env: childEnvironment(),
    beforeRestart: async ({ exitCode }) => {
      if (exitCode === null) return; // killed: its files end in the middle of a command at worst, which it mends by itself
      const unreadable = await setAsideUnreadable(directory, logFile);
      if (unreadable !== undefined) deps.report('append-only files set aside', unreadable);
    },
  });
  const deadline = deps.clock.monotonicMs() + START_DEADLINE_MS;
  while (!(await answers(socket))) {
    if (deps.clock.monotonicMs() > deadline) {
      await redis.stop(1000);
      throw new WavspoolError(
        'REDIS_UNREACHABLE',
        `the embedded redis-server does not answer; see ${logFile}`,
      );
    }
    await deps.clock.sleep(10);
  }
  deps.report('embedded redis started', { socket, redisPid: redis.pid() ?? 0 });
  return { socket, stop: (graceMs) => redis.stop(graceMs) };
}

/** Makes the directory, for this user alone. Throws REDIS_UNREACHABLE for what another user has put in its place. */
async function makePrivate(directory: string): Promise<void> {
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const strange = strangeDirectory(directory);
  if (strange !== undefined) throw strange;
  await chmod(directory, 0o700);
}

async function requireProgram(): Promise<void> {
  const found = await new Promise<boolean>((resolve) => {
    const child = spawn('redis-server', ['--version'], { stdio: 'ignore', env: childEnvironment() });
    child.on('error', () => resolve(false));
    child.on('exit', (code) => resolve(code === 0));
  });
  if (!found) {
    throw new WavspoolError(
      'PROGRAM_MISSING',
      'redis-server is not installed: "apt-get install redis-server", or name a running Redis in redis.url',
    );
  }
}

/**
 * True when a Redis that has loaded its data answers on the socket. MISCONF is what it says on a full disk: it is there, and the
 * roles wait until it can write.
 */
function answers(socket: string): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const connection = connectUnix(socket).setEncoding('utf8');
    let reply = '';
    connection.setTimeout(1000, () => connection.destroy());
    connection.on('connect', () => connection.write('PING\r\n'));
    connection.on('data', (text: string) => {
      reply += text;
      if (reply.includes('\r\n')) connection.destroy();
    });
    connection.on('close', () => resolve(/^(?:\+PONG|-MISCONF )/.test(reply)));
    connection.on('error', (error) => {
      if (errnoOf(error) === 'EACCES')
        reject(new WavspoolError('REDIS_UNREACHABLE', `${socket} may not be opened`, { cause: error }));
    });
  });
}
