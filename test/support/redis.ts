import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ask, freePort, until } from './ports.ts';

/** A redis-server of the test's own; disposing of it stops it and removes its data. */
export interface TestRedis extends AsyncDisposable {
  /** For `redis.url` and for clients; the same after a restart. */
  readonly url: string;
  /** Its process now; another one after a restart. */
  pid(): number;
  /** SIGTERM: it writes what it has and ends. */
  stop(): Promise<void>;
  /** SIGKILL, as a crash does. */
  kill(): Promise<void>;
  /** Starts it again on the data and the address it had. */
  start(): Promise<void>;
}

export interface TestRedisOptions {
  /** Listen on a Unix socket in its directory instead of a port. */
  readonly unixSocket?: boolean;
  /** `everysec` (the default, as in production), `always`, or `off` for a Redis that forgets. */
  readonly appendOnly?: 'always' | 'everysec' | 'off';
}

/** Starts a redis-server on loopback, below a temporary directory. Needs the program `redis-server`. */
export async function startRedis(options: TestRedisOptions = {}): Promise<TestRedis> {
  const dir = await mkdtemp(join(tmpdir(), 'wavspool-redis-'));
  const socket = join(dir, 's');
  const port = options.unixSocket === true ? 0 : await freePort();
  const appendOnly = options.appendOnly ?? 'everysec';
  const args = Object.entries({
    port: String(port),
    bind: '127.0.0.1',
    dir,
    save: '',
    appendonly: appendOnly === 'off' ? 'no' : 'yes',
    appendfsync: appendOnly === 'off' ? 'no' : appendOnly,
    'maxmemory-policy': 'noeviction',
    loglevel: 'warning',
    ...(options.unixSocket === true && { unixsocket: socket }),
  }).flatMap(([name, value]) => [`--${name}`, value]);
  const where = options.unixSocket === true ? { path: socket } : { port };
  let running: ChildProcess | undefined;

  const start = async (): Promise<void> => {
    if (running !== undefined) throw new Error('this Redis is running');
    const child = spawn('redis-server', args, { stdio: 'ignore' });
    await once(child, 'spawn'); // rejects when the program is missing
    running = child;
    await until('redis-server answers', async () => {
      if (child.exitCode !== null) throw new Error(`redis-server ended with ${child.exitCode}`);
      return (await ask(where, 'PING\r\n')).startsWith('+PONG');
    });
  };
  const end = async (signal: 'SIGTERM' | 'SIGKILL'): Promise<void> => {
    const child = running;
    running = undefined;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const exited = once(child, 'exit');
    child.kill(signal);
    await exited;
  };

  const remove = async (): Promise<void> => {
    await end('SIGKILL');
    await rm(dir, { recursive: true });
  };
  try {
    await start();
  } catch (error) {
    await remove();
    throw error;
  }
  return {
    url: options.unixSocket === true ? `unix://${socket}` : `redis://127.0.0.1:${port}`,
    pid: () => {
      if (running?.pid === undefined) throw new Error('this Redis is not running');
      return running.pid;
    },
    stop: () => end('SIGTERM'),
    kill: () => end('SIGKILL'),
    start,
    [Symbol.asyncDispose]: remove,
  };
}
