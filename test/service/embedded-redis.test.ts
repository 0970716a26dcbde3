import { execFile, spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { chmod, mkdir, mkdtemp, readFile, readdir, rm, truncate, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { embeddedSocket } from '../../src/platform/config/index.ts';
import type { Report } from '../../src/domain/events.ts';
import { openQueuesNow } from '../../src/platform/queue/index.ts';
import { systemClock } from '../../src/platform/runtime/index.ts';
import { startEmbeddedRedis, type EmbeddedRedis } from '../../src/process/up/embedded-redis.ts';
import { ask, until } from '../support/ports.ts';
import { fillDisk, mountSmallDisk } from '../support/small-disk.ts';

const ROOT = join(import.meta.dirname, '../..');
const LEAVER = `
  const [root, data] = process.argv.slice(1);
  const { startEmbeddedRedis } = await import(root + '/src/process/up/embedded-redis.ts');
  const { systemClock } = await import(root + '/src/platform/runtime/index.ts');
  const { socket } = await startEmbeddedRedis(data, { clock: systemClock, report: () => undefined });
  process.stdout.write(socket);`;

let data: string;
const started: EmbeddedRedis[] = [];
let reports: Record<string, unknown>[] = [];
const report: Report = (event, details) => void reports.push({ event, ...details });

beforeEach(async () => {
  data = await mkdtemp(join(tmpdir(), 'wavspool-redis-'));
  reports = [];
});
afterEach(async () => {
  await Promise.all(started.splice(0).map((redis) => redis.stop(10_000)));
  await rm(data, { recursive: true, force: true });
});

async function start(): Promise<EmbeddedRedis> {
  const redis = await startEmbeddedRedis(data, { clock: systemClock, report });
  started.push(redis);
  return redis;
}

const tell = (redis: EmbeddedRedis, command: string): Promise<string> =>
  ask({ path: redis.socket }, `${command}\r\n`);
const appendOnly = (name: string): string => join(data, 'redis/appendonlydir', name);
const named = (event: string): Record<string, unknown>[] => reports.filter((one) => one['event'] === event);

const pidOf = async (redis: { socket: string }): Promise<number> =>
  Number(/process_id:(\d+)/.exec(await ask({ path: redis.socket }, 'INFO server\r\n'))?.[1]);

/** Starts one in a process that is killed then, and returns the pid of the Redis that stays. */
async function leaveBehind(): Promise<number> {
  const child = spawn(process.execPath, ['--input-type=module', '-e', LEAVER, ROOT, data], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [socket] = (await once(child.stdout, 'data')) as [Buffer];
  child.kill('SIGKILL');
  await once(child, 'exit');
  return pidOf({ socket: String(socket) });
}

/** A process that nobody has waited for yet is none: it has no command line any more. */
const isAlive = async (pid: number): Promise<boolean> =>
  (await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')) !== '';

describe('a Redis that was left behind', () => {
  test('is ended before the next one starts, which has everything that it had', async () => {
    const first = await leaveBehind();
    expect(await ask({ path: embeddedSocket(data) }, 'SET job 1\r\n')).toBe('+OK\r\n');
    const redis = await start();
    expect(await isAlive(first)).toBe(false);
    expect(await tell(redis, 'GET job')).toBe('$1\r\n1\r\n');
    expect(named('embedded redis left over')).toMatchObject([{ pids: [first], signal: 'SIGTERM' }]);
  });

  test('and stands still is killed', async () => {
    const first = await leaveBehind();
    process.kill(first, 'SIGSTOP');
    await start();
    expect(await isAlive(first)).toBe(false);
    expect(named('embedded redis left over')).toMatchObject([{ signal: 'SIGTERM' }, { signal: 'SIGKILL' }]);
  });

  test('on a disk that is full is ended as well: two would write one file', async () => {
    await using disk = await mountSmallDisk(16);
    data = disk.path;
    const first = await leaveBehind();
    const ballast = await fillDisk(disk.path);
    await truncate(join(data, 'redis/redis.pid')); // what it leaves when the disk was full before
    await ask({ path: embeddedSocket(data) }, `SET job ${'x'.repeat(10_000)}\r\n`);
    await until('it says that it cannot write', async () =>
      (await ask({ path: embeddedSocket(data) }, 'PING\r\n')).startsWith('-MISCONF'),
    );
    const redis = await start();
    expect(await isAlive(first)).toBe(false);
    await rm(ballast);
    await until('it can write', async () => (await tell(redis, 'SET job 2')) === '+OK\r\n');
    await redis.stop(10_000);
    expect(await tell(await start(), 'GET job')).toBe('$1\r\n2\r\n');
    expect(named('append-only files set aside')).toEqual([]);
  });
});

const settings = (): Parameters<typeof openQueuesNow>[0] => ({
  site: 'main',
  redis: {},
  paths: { data, incoming: data, extracted: data, state: data, log: data },
});

describe('its socket', () => {
  test('lies below paths.data however long that is, and a server with its old name elsewhere is not asked', async () => {
    data = join(data, 'a'.repeat(100), 'b'.repeat(100));
    const name = `wavspool-${createHash('sha1').update(data).digest('hex').slice(0, 16)}.sock`;
    let asked = 0;
    const stranger = createServer((socket) => {
      asked += 1;
      socket.destroy();
    }).listen(join(tmpdir(), name));
    try {
      await mkdir(data, { recursive: true });
      await start();
      const queues = await openQueuesNow(settings(), report, systemClock);
      await queues.maintenance.add([{ id: 'one', payload: { v: 1, run: 'x' }, priority: 0 }]);
      expect(await queues.maintenance.counts()).toMatchObject({ waiting: 1 });
      await queues.close();
      expect(asked).toBe(0);
      expect(await readdir(join(data, 'redis'))).toContain('redis.sock');
    } finally {
      stranger.close();
    }
  });

  test('is not trusted in a directory that others may write', async () => {
    await start();
    await chmod(join(data, 'redis'), 0o777);
    await expect(openQueuesNow(settings(), report, systemClock)).rejects.toMatchObject({
      code: 'REDIS_UNREACHABLE',
      message: expect.stringContaining('may be written by others (mode 777)') as unknown,
    });
    await expect(startEmbeddedRedis(data, { clock: systemClock, report })).rejects.toMatchObject({
      code: 'REDIS_UNREACHABLE',
    });
  });

  test.skipIf(process.geteuid?.() !== 0)('is not trusted in the directory of another user', async () => {
    await chmod(data, 0o755);
    await mkdir(join(data, 'redis'), { mode: 0o755 });
    const asNobody = (uid: number): Promise<{ stdout: string }> =>
      promisify(execFile)('setpriv', [
        '--reuid',
        String(uid),
        '--clear-groups',
        process.execPath,
        '--input-type=module',
        '-e',
        `const { strangeDirectory } = await import(process.argv[1]); console.log(strangeDirectory(process.argv[2])?.message)`,
        join(ROOT, 'src/platform/runtime/strange-directory.ts'),
        join(data, 'redis'),
      ]);
    expect((await asNobody(65_534)).stdout).toBe('undefined\n'); // root's
    await promisify(execFile)('chown', ['65533', join(data, 'redis')]);
    expect((await asNobody(65_534)).stdout).toContain('belongs to another user (uid 65533)');
    expect((await asNobody(65_533)).stdout).toBe('undefined\n');
  });
});

test('it gets no secret of ours in its environment', async () => {
  const { PATH } = process.env;
  await writeFile(
    join(data, 'redis-server'),
    `#!/bin/sh\nenv >> "${data}/environment"\nPATH='${PATH}' exec redis-server "$@"\n`,
    { mode: 0o755 },
  );
  process.env['PATH'] = `${data}:${PATH}`;
  process.env['S3_SECRET_ACCESS_KEY'] = 'the-secret-of-the-store';
  try {
    await start();
    const environment = await readFile(join(data, 'environment'), 'utf8');
    expect(environment).toContain('PATH=');
    expect(environment).not.toContain('the-secret-of-the-store');
  } finally {
    process.env['PATH'] = PATH;
    delete process.env['S3_SECRET_ACCESS_KEY'];
  }
});

describe('append-only files that cannot be loaded are set aside, and it starts without them', () => {
  const incremental = 'appendonly.aof.1.incr.aof';
  test.each([
    ['a hole in the middle', incremental, (bytes: Buffer) => bytes.fill(0, 200, 300), 'Bad file format'],
    ['a base that is none', 'appendonly.aof.1.base.rdb', () => randomBytes(500), 'append only file'],
    ['a manifest that is none', 'appendonly.aof.manifest', () => Buffer.from('fle x\n'), 'MANIFEST'],
    ['no incremental file', incremental, () => undefined, incremental],
  ])('%s', async (_name, file, damage, why) => {
    const redis = await start();
    for (let i = 0; i < 50; i++) await tell(redis, `SET job:${i} ${i}`);
    await redis.stop(10_000);
    const bytes = damage(await readFile(appendOnly(file)));
    await (bytes === undefined ? rm(appendOnly(file)) : writeFile(appendOnly(file), bytes));

    const second = await start();
    expect(await tell(second, 'DBSIZE')).toBe(':0\r\n');
    const setAside = join(data, 'redis/appendonlydir.unreadable');
    expect(named('append-only files set aside')).toEqual([
      { event: 'append-only files set aside', setAside, why: expect.stringContaining(why) as unknown },
    ]);
    expect(await readdir(setAside)).toContain('appendonly.aof.manifest');
    expect(await tell(second, 'SET job 1')).toBe('+OK\r\n');
  });

  test('also when that comes to light in a restart', async () => {
    const redis = await start();
    for (let i = 0; i < 50; i++) await tell(redis, `SET job:${i} ${i}`);
    const bytes = await readFile(appendOnly(incremental));
    await writeFile(appendOnly(incremental), bytes.fill(0, 200, 300));
    process.kill(await pidOf(redis), 'SIGKILL');
    await until('it is back', async () => (await tell(redis, 'DBSIZE')) === ':0\r\n');
    expect(named('append-only files set aside')).toHaveLength(1);
  });

  test('a file that ends in the middle of a command is loaded: that is what a kill leaves', async () => {
    const redis = await start();
    for (let i = 0; i < 50; i++) await tell(redis, `SET job:${i} ${i}`);
    await redis.stop(10_000);
    const { length } = await readFile(appendOnly(incremental));
    await truncate(appendOnly(incremental), length - 5);
    expect(await tell(await start(), 'DBSIZE')).toBe(':49\r\n');
    expect(named('append-only files set aside')).toEqual([]);
  });
});
