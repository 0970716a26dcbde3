import { spawn } from 'node:child_process';
import { chmod, mkdir } from 'node:fs/promises';
import { createConnection } from 'node:net';
import { join } from 'node:path';
import { embeddedSocket, type Settings } from '../config/index.ts';
import type { Report } from '../events.ts';
import { WavspoolError, errnoOf } from '../faults.ts';
import type { Clock } from '../runtime/index.ts';
import { supervise } from './supervise.ts';

export interface EmbeddedRedis {
  readonly socket: string;
  stop(graceMs: number): Promise<void>;
}

const START_DEADLINE_MS = 30_000;

/**
 * A private redis-server with an append-only file below `<data>/redis`, on a unix socket that only this user can open. One
 * that an `up` left behind (it was killed) is ended first, its append-only file has everything. Throws PROGRAM_MISSING, or
 * REDIS_UNREACHABLE when it does not answer within 30 s.
 */
export async function startEmbeddedRedis(
  settings: Settings,
  deps: { readonly clock: Clock; readonly report: Report },
): Promise<EmbeddedRedis> {
  const directory = join(settings.paths.data, 'redis');
  const socket = embeddedSocket(settings.paths.data);
  await mkdir(directory, { recursive: true, mode: 0o700 });
  await chmod(directory, 0o700);
  await requireProgram();
  await endLeftOver(socket, deps);
  const options = {
    port: '0',
    unixsocket: socket,
    unixsocketperm: '700',
    dir: directory,
    pidfile: join(directory, 'redis.pid'),
    logfile: join(directory, 'redis.log'),
    daemonize: 'no',
    appendonly: 'yes',
    appendfsync: 'everysec',
    save: '',
    'maxmemory-policy': 'noeviction',
    'hash-max-listpack-value': '1024', // keeps a job in half the memory
  };
  const args = Object.entries(options).flatMap(([name, value]) => [`--${name}`, value]);
  const redis = supervise('redis', ['redis-server', ...args], deps);
  const deadline = deps.clock.monotonicMs() + START_DEADLINE_MS;
  while (!(await answers(socket))) {
    if (deps.clock.monotonicMs() > deadline) {
      await redis.stop(1000);
      throw new WavspoolError(
        'REDIS_UNREACHABLE',
        `the embedded redis-server does not answer; see ${join(directory, 'redis.log')}`,
      );
    }
    await deps.clock.sleep(10);
  }
  deps.report('embedded redis started', { socket, redisPid: redis.pid() ?? 0 });
  return { socket, stop: (graceMs) => redis.stop(graceMs) };
}

async function requireProgram(): Promise<void> {
  const found = await new Promise<boolean>((resolve) => {
    const child = spawn('redis-server', ['--version'], { stdio: 'ignore' });
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

const PROCESS_ID = /process_id:([1-9]\d*)\r/;

/** It is asked for its pid itself: its pid file is empty when the disk was full as it started, and kill(2) takes 0 for everyone. */
async function endLeftOver(
  socket: string,
  { clock, report }: { readonly clock: Clock; readonly report: Report },
): Promise<void> {
  if (!(await answers(socket))) return;
  const info = await ask(socket, 'INFO server', (reply) => PROCESS_ID.test(reply));
  const pid = PROCESS_ID.exec(info ?? '')?.[1];
  if (pid === undefined) return; // it has ended meanwhile
  report('embedded redis adopted', { socket });
  process.kill(Number(pid), 'SIGTERM');
  const deadline = clock.monotonicMs() + START_DEADLINE_MS;
  while ((await answers(socket)) && clock.monotonicMs() < deadline) await clock.sleep(50);
}

/** True when a Redis that has loaded its data answers on the socket. */
async function answers(socket: string): Promise<boolean> {
  const reply = await ask(socket, 'PING', (text) => text.includes('\r\n'));
  return reply?.startsWith('+PONG') === true;
}

/** What a Redis says to a command, as soon as that is enough; undefined when none does within a second. */
function ask(
  socket: string,
  command: string,
  isEnough: (reply: string) => boolean,
): Promise<string | undefined> {
  return new Promise((resolve, reject) => {
    const connection = createConnection(socket).setEncoding('utf8');
    let reply = '';
    connection.setTimeout(1000, () => connection.destroy());
    connection.on('connect', () => connection.write(`${command}\r\n`));
    connection.on('data', (text: string) => {
      reply += text;
      if (!isEnough(reply)) return;
      resolve(reply);
      connection.destroy();
    });
    connection.on('close', () => resolve(undefined));
    connection.on('error', (error) => {
      if (errnoOf(error) === 'EACCES')
        reject(new WavspoolError('REDIS_UNREACHABLE', `${socket} may not be opened`, { cause: error }));
    });
  });
}
