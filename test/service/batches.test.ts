import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { startFaultProxy, type FaultProxy } from '../support/fault-proxy.ts';
import { ask, portOf, until } from '../support/ports.ts';
import { startRedis, type TestRedis } from '../support/redis.ts';
import { startRig, type Rig } from '../support/rig.ts';
import { makeTar } from '../support/tars.ts';

// Where many recordings wait, an upload job carries several. Two requests in flight make a small tar many.

const RECORDINGS = 40;
const TAR = '2025/09/01/a.tar';

interface Start {
  readonly arrival?: object;
  /** False for a test that kills a role. */
  readonly together?: boolean;
}

let redis: TestRedis;
let proxy: FaultProxy;
let rig: Rig;

async function start(maxRetries: number, { arrival = {}, together = true }: Start): Promise<void> {
  const gateway = new URL(process.env['WAVSPOOL_TEST_S3'] ?? '');
  redis = await startRedis({ appendOnly: 'off' });
  proxy = await startFaultProxy(Number(gateway.port));
  const settings = {
    redis: { url: redis.url },
    s3: { endpoint: `http://127.0.0.1:${proxy.port}` },
    upload: { concurrency: 2, maxRetries },
    arrival,
  };
  rig = await startRig(undefined, settings, { together });
}
afterEach(async () => {
  await rig[Symbol.asyncDispose]();
  await proxy[Symbol.asyncDispose]();
  await redis[Symbol.asyncDispose]();
});

/** Starts wavspool, and lands a tar while uploading is paused, and waits until its recordings wait for their upload. */
async function landPaused(maxRetries = 1, how: Start = {}): Promise<void> {
  await start(maxRetries, how);
  await rig.wavspool('pause', 'upload', '--reason', 'test');
  const members = Array.from({ length: RECORDINGS }, (_, i) => ({
    name: `${i}.wav`,
    body: randomBytes(20_000),
  }));
  await rig.land(TAR, makeTar(members));
  await until('the tar is extracted', async () => (await count('1 = 1')) === RECORDINGS);
}

async function count(condition: string): Promise<number> {
  const [row] = await rig.rows(`SELECT count(*) AS n FROM uploads WHERE ${condition}`);
  return Number(row?.['n']);
}

const tell = (command: string): Promise<string> =>
  ask({ port: Number(new URL(redis.url).port) }, `${command}\r\n`);

async function waitingJobs(): Promise<number> {
  const { stdout } = await rig.wavspool('status', '--json'); // the dashboard's answer may be a second old
  return (JSON.parse(stdout) as { queues: { upload: { waiting: number } } }).queues.upload.waiting;
}

const recordingPath = (name: string): string => join(rig.extracted, '2025/09/01', name);

async function jobOf(name: string): Promise<string> {
  const { stdout } = await rig.wavspool('trace', recordingPath(name), '--json');
  return (JSON.parse(stdout) as { job: string }).job;
}

/** "Retry all" of the failed jobs, as Bull Board's button does it. */
async function retryInBullBoard(): Promise<void> {
  const token = (await readFile(join(rig.data, 'dashboard.token'), 'utf8')).trim();
  const answer = await fetch(`${rig.http}/queues/api/queues/rig.upload/retry/failed`, {
    method: 'PUT',
    headers: { authorization: `Bearer ${token}` },
  });
  expect(answer.status).toBe(200);
}

test('a batch sends one request at a time, so that upload.concurrency holds over all processes', async () => {
  let inFlight = 0;
  let most = 0;
  let puts = 0;
  await using store = createServer((request, response) => {
    // what asks whether the store serves goes beside the recordings
    const one = request.method === 'PUT' && request.url?.includes('/2025/09/01/') === true ? 1 : 0;
    inFlight += one;
    most = Math.max(most, inFlight);
    request.resume().on('end', () => {
      puts += one;
      setTimeout(() => {
        inFlight -= one;
        response.setHeader('etag', '"e"').end();
      }, 20);
    });
  }).listen(0, '127.0.0.1');
  await once(store, 'listening');
  await landPaused();
  const config = await rig.variant({ s3: { endpoint: `http://127.0.0.1:${portOf(store)}` } });
  await rig.stop();
  const [program = '', entry = ''] = rig.command;
  const processes = ['upload', 'upload', 'dashboard'].map((role) =>
    spawn(program, [entry, 'work', role, '--config', config], { stdio: 'ignore' }),
  );
  await rig.wavspool('resume');
  await rig.settled(RECORDINGS);
  for (const child of processes) child.kill('SIGTERM');
  await Promise.all(processes.map((child) => once(child, 'exit')));
  expect(puts).toBe(RECORDINGS);
  expect(most).toBe(2);
});

test('a recording that fails leaves its batch: the others go on, and its retries are its own', async () => {
  await landPaused();
  expect(await waitingJobs()).toBeLessThan(RECORDINGS / 4);
  proxy.set({ kind: 'reset on', words: '/7.wav' });
  await rig.wavspool('resume');
  await until('it is given up', async () => (await count("status = 'FAILED' AND retry_count = 1")) === 1);
  await until('the others are uploaded', async () => (await count("status = 'SUCCESS'")) === RECORDINGS - 1);
  expect(
    await rig.rows("SELECT wav_path, cause, batch FROM uploads WHERE status <> 'SUCCESS' OR retry_count > 0"),
  ).toEqual([{ wav_path: recordingPath('7.wav'), cause: 'network', batch: null }]);
  const tries = (await rig.log()).split('\n').filter((line) => line.includes('"recording failed"'));
  expect(tries).toHaveLength(2); // one in the batch, one retry
  expect(await jobOf('7.wav')).toBe('failed');
  expect(await jobOf('8.wav')).toBe('completed');

  proxy.set({ kind: 'pass' });
  await retryInBullBoard();
  await rig.settled(RECORDINGS);
  expect(await jobOf('7.wav')).toBe('completed');
});

test('a recording that is given up at once is a failed job, which Bull Board and "requeue" bring back alike', async () => {
  await landPaused(0);
  proxy.set({ kind: 'reset on', words: '/3.wav' });
  await rig.wavspool('resume');
  const failedAgain = (tries: number): Promise<void> =>
    until(`its job has failed after ${tries} tries`, async () => {
      const told = (await rig.log()).split('\n').filter((line) => line.includes('"recording failed"'));
      return told.length === tries && (await jobOf('3.wav')) === 'failed';
    });
  await failedAgain(1);
  await until('the others are uploaded', async () => (await count("status = 'SUCCESS'")) === RECORDINGS - 1);
  expect(await rig.rows("SELECT cause, retry_count FROM uploads WHERE status = 'FAILED'")).toEqual([
    { cause: 'network', retry_count: 0 },
  ]);
  await retryInBullBoard();
  await failedAgain(2);
  expect(await rig.log()).toContain('"by":"Bull Board"');
  await rig.wavspool('requeue', '--all');
  await failedAgain(3);
  proxy.set({ kind: 'pass' });
  await retryInBullBoard();
  await rig.settled(RECORDINGS);
});

test('batches that Redis has forgotten are made again as they were', async () => {
  await landPaused(1, { arrival: { rescanSeconds: 600 } });
  const jobs = await waitingJobs();
  expect(jobs).toBeLessThan(RECORDINGS / 4);
  await tell('FLUSHALL');
  expect(await waitingJobs()).toBe(0);
  await until('the pause is back', async () =>
    (await tell('HEXISTS wavspool:rig.upload:meta paused')).startsWith(':1'),
  );
  expect((await rig.wavspool('status')).stdout).toContain('PAUSED: test');
  const rescan = async (): Promise<unknown> =>
    JSON.parse((await rig.wavspool('rescan', '--json')).stdout) as unknown;
  expect(await rescan()).toMatchObject({ tars: 1, known: 1, queued: 0, recordings: RECORDINGS });
  expect(await waitingJobs()).toBe(jobs);
  expect(await rescan()).toMatchObject({ recordings: 0 });
  expect(await waitingJobs()).toBe(jobs);
  await rig.wavspool('resume');
  await rig.settled(RECORDINGS);
  expect(Object.keys(await rig.objects())).toHaveLength(RECORDINGS);
});

test('uploaders that are killed in the middle of their batches lose nothing', async () => {
  await landPaused(1, { together: false });
  proxy.set({ kind: 'lose answers' });
  await rig.wavspool('resume');
  await until('uploads have begun', async () => (await rig.s3.keys()).length > 0);
  await rig.kill('upload');
  proxy.set({ kind: 'pass' });
  await rig.settled(RECORDINGS);
  const rows = await rig.rows('SELECT key, sha256, retry_count FROM uploads');
  const objects = await rig.objects();
  for (const { key, sha256 } of rows) expect(objects[String(key)]?.sha256).toBe(sha256);
});
