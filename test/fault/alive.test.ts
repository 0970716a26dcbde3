import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { startFaultProxy, type FaultProxy } from '../support/fault-proxy.ts';
import { until } from '../support/ports.ts';
import { startRedis, type TestRedis } from '../support/redis.ts';
import { makeTar } from '../support/tars.ts';

// Alive means progress: a worker that is there and gets nothing done is found out, by the worker itself.

const ROLE = join(import.meta.dirname, '../support/impatient-role.ts');
const BIN = join(import.meta.dirname, '../../bin/wavspool.js');

let root = '';
let redis: TestRedis;
let proxy: FaultProxy;
let config = '';
let children: ChildProcess[] = [];

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'wavspool-alive-'));
  redis = await startRedis();
  proxy = await startFaultProxy(Number(new URL(redis.url).port));
  config = await settingsFile('role', `redis://127.0.0.1:${proxy.port}`);
  await mkdir(join(root, 'incoming'), { recursive: true });
  children = [];
});
afterEach(async () => {
  for (const child of children) {
    if (child.exitCode !== null || child.signalCode !== null) continue;
    child.kill('SIGKILL');
    await once(child, 'exit');
  }
  await proxy[Symbol.asyncDispose]();
  await redis[Symbol.asyncDispose]();
  await rm(root, { recursive: true });
});

async function settingsFile(name: string, url: string): Promise<string> {
  const path = join(root, `${name}.yaml`);
  const settings = {
    paths: { data: root },
    redis: { url },
    extract: { minFreeBytes: '16MiB' },
    s3: { endpoint: 'http://127.0.0.1:1', bucket: 'none' },
  };
  await writeFile(path, JSON.stringify(settings), { mode: 0o600 });
  return path;
}

function startRole(fault: string): ChildProcess & { said: () => string; exited: Promise<unknown[]> } {
  const child = spawn(process.execPath, [ROLE, fault, config], { stdio: ['ignore', 'ignore', 'pipe'] });
  children.push(child);
  let said = '';
  child.stderr?.on('data', (chunk) => (said += String(chunk)));
  const exited = once(child, 'exit');
  return Object.assign(child, { said: () => said, exited });
}

/** Queues a tar, on a connection to Redis that is not the role's. */
async function ingest(name: string): Promise<void> {
  const path = join(root, 'incoming', name);
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, makeTar([{ name: `${name}.wav`, body: randomBytes(1000) }]));
  const direct = await settingsFile('direct', redis.url);
  const child = spawn(process.execPath, [BIN, '--config', direct, 'ingest', path], { stdio: 'ignore' });
  children.push(child);
  expect(await once(child, 'exit')).toEqual([0, null]);
}

const extracted = (name: string): Promise<void> =>
  until(
    `${name} is extracted`,
    async () => (await readFile(join(root, 'extracted', `${name}.wav`))).length === 1000,
    90_000,
  );

test('a role under a watchdog that has no reason to bark works on', async () => {
  const role = startRole('none');
  await ingest('a.tar');
  await extracted('a.tar');
  expect(role.exitCode).toBe(null);
  expect(role.said()).not.toContain('worker stalled');
});

test('connections to Redis that are lost without a word are noticed, and the work that waits gets done', async () => {
  const role = startRole('none');
  await ingest('a.tar');
  await extracted('a.tar');
  proxy.set({ kind: 'freeze' });
  await ingest('b.tar');
  await new Promise((resolve) => setTimeout(resolve, 3000));
  // what comes back answers only who connects anew: the old connections stay as dead as they are
  const before = proxy.connections();
  await until('the role gives up its connections', () => proxy.connections() > before, 90_000);
  proxy.set({ kind: 'pass' });
  await extracted('b.tar');
  expect(role.exitCode).toBe(null);
});

test('a job that never ends: the process ends itself and says so', async () => {
  const role = startRole('endless job');
  await ingest('a.tar');
  const [code] = (await role.exited) as [number];
  expect(code).toBe(70);
  expect(role.said()).toContain('worker stalled');
});

test('a blocked event loop: the process ends itself and says so', async () => {
  const role = startRole('blocked loop');
  const [, signal] = (await role.exited) as [null, string];
  expect(signal).toBe('SIGKILL');
  expect(role.said()).toContain('the event loop was blocked');
});

test('a tar that kills its worker every time ends as a failed tar, and the one that runs beside it is not blamed', async () => {
  await ingest('poison.tar');
  await ingest('good.tar');
  let deaths = 0;
  let role = startRole('poison tar');
  const keepRunning = (): void => {
    if (role.exitCode === null && role.signalCode === null) return;
    deaths += 1;
    role = startRole('poison tar');
  };
  const failed = (): Promise<string> => readFile(join(root, 'logs/wavspool.log'), 'utf8').catch(() => '');
  await until(
    'it is a failed tar',
    async () => {
      keepRunning();
      return (await failed()).includes('TAR_POISON');
    },
    100_000,
  );
  expect(deaths).toBeGreaterThanOrEqual(3);
  await extracted('good.tar');
  const { stdout } = spawnSync(
    process.execPath,
    [BIN, '--config', await settingsFile('direct', redis.url), 'failed', '--json'],
    { encoding: 'utf8' },
  );
  expect(JSON.parse(stdout)).toMatchObject({
    rows: [],
    tars: [{ path: join(root, 'incoming/poison.tar'), cause: 'poison' }],
  });
}, 300_000);
