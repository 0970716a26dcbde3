import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { takeExclusiveLock } from '../../src/platform/sqlite/index.ts';
import type { Status } from '../../src/operate/status/index.ts';
import { ask, until } from '../support/ports.ts';
import { startRedis, type TestRedis } from '../support/redis.ts';
import { startRig, type Rig } from '../support/rig.ts';
import { makeTar } from '../support/tars.ts';

// Jobs that keep the host, by themselves: two maintain processes, a Redis that forgets, a dead-man switch that listens.

const run = promisify(execFile);
let redis: TestRedis;
let rig: Rig;
let pinged: Server;
const pings: string[] = [];

beforeAll(async () => {
  pinged = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk) => (body += String(chunk)));
    request.on('end', () => {
      pings.push(`${request.url} ${body}`.trim());
      response.end('OK');
    });
  }).listen(0, '127.0.0.1');
  await once(pinged, 'listening');
  const { port } = pinged.address() as { port: number };
  redis = await startRedis({ appendOnly: 'off' });
  // no minute of the year is due while the test runs, but there was one before it
  const cron = '0 0 1 1 *';
  const schedule = (name: string): object => ({
    name,
    cron,
    dir: '<data>/copies',
    file: `${name}_{YYYY-MM-DD-HH-mm-ss}.db`,
    ping: `http://127.0.0.1:${port}/secret-${name}`,
  });
  const databases = [
    { name: 'state', path: '<data>/state.db', snapshots: [schedule('yearly')] },
    { name: 'gone', path: '<data>/no-such.db', snapshots: [schedule('broken')] },
  ];
  rig = await startRig(undefined, { redis: { url: redis.url }, databases }, { together: true });
});
afterAll(async () => {
  await rig[Symbol.asyncDispose]();
  await redis[Symbol.asyncDispose]();
  pinged.close();
});

async function schedules(): Promise<Status['schedules']> {
  return (await rig.status()).schedules.filter(({ job }) => job.startsWith('snapshot '));
}

function journal(sql: string): Promise<{ stdout: string }> {
  return run('sqlite3', [join(rig.data, 'jobs.db'), sql]);
}

function forget(): Promise<string> {
  return ask({ port: Number(new URL(redis.url).port) }, 'FLUSHALL\r\n');
}

async function copies(): Promise<readonly string[]> {
  return (await readdir(join(rig.data, 'copies')).catch(() => [])).filter((name) => name.endsWith('.db'));
}

test('a new schedule waits for its time; one that was missed is made up once, by one of two processes', async () => {
  expect(await schedules()).toEqual([
    expect.objectContaining({ job: 'snapshot state yearly', last: null }),
    expect.objectContaining({ job: 'snapshot gone broken', last: null }),
  ]);
  expect(await copies()).toEqual([]);

  await rig.stop();
  // as if it had been known for years, and nothing had run at New Year
  await journal("UPDATE schedules SET since = '2020-01-01T00:00' WHERE job LIKE 'snapshot %'");
  await forget();
  const [program = '', ...args] = rig.command;
  const second = spawn(program, [...args, 'work', 'maintain'], { stdio: 'ignore' });
  try {
    await rig.launch();
    await until('the missed run was made up', async () =>
      (await schedules()).every(({ last }) => last !== null && last.outcome !== 'running'),
    );
    const [yearly, broken] = await schedules();
    expect(yearly?.last).toMatchObject({ outcome: 'done', by: 'schedule' });
    expect(broken?.last).toMatchObject({
      outcome: 'failed',
      reason: expect.stringContaining('no such database'),
    });
    expect(Date.parse(yearly?.next ?? '')).toBeGreaterThan(Date.now());

    await forget();
    await new Promise((resolve) => setTimeout(resolve, 12_000)); // both have looked again, twice
    expect(await copies()).toHaveLength(1);
    const { stdout } = await journal('SELECT job, count(*), min(due) FROM runs GROUP BY job ORDER BY job');
    const year = new Date().getUTCFullYear();
    expect(stdout.trim().split('\n')).toEqual([
      `snapshot gone broken|1|${year}-01-01T00:00`, // it is tried again after minutes, not at once
      `snapshot state yearly|1|${year}-01-01T00:00`,
    ]);
  } finally {
    second.kill('SIGTERM');
    await once(second, 'exit');
  }
  expect(pings.toSorted()).toEqual([
    expect.stringMatching(/^\/secret-broken\/fail .*no-such\.db: there is no such database$/),
    '/secret-broken/start',
    '/secret-yearly',
    '/secret-yearly/start',
  ]);
  expect(await rig.log()).not.toContain('secret-'); // the address is a secret (P9)
});

test('a run that is killed is begun again at once', async () => {
  await journal("UPDATE runs SET outcome = 'running', ended_at = NULL WHERE job = 'snapshot state yearly'");
  await until('it was made up', async () => (await copies()).length === 2);
  const { stdout } = await journal(
    "SELECT outcome, reason FROM runs WHERE job = 'snapshot state yearly' ORDER BY id",
  );
  expect(stdout.trim().split('\n')[0]).toBe('failed|its process ended before it did');
});

test('receipts wait for what they must not meet, in whatever process it runs', async () => {
  const turn = takeExclusiveLock(join(rig.data, 'jobs/after~upload.lock'));
  expect(turn).toBeDefined();
  await rig.land('a.tar', makeTar([{ name: 'a.wav', body: Buffer.alloc(1000, 1) }]));
  await rig.settled(1);
  await new Promise((resolve) => setTimeout(resolve, 12_000)); // receipts are written every 10 s
  expect(await rig.s3.keys()).toEqual(['a.wav']);
  turn?.release();
  await until('the receipt is written', async () => (await rig.s3.keys()).includes('.receipts/a.tar.json'));
});
