import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import {
  httpAnswer,
  s3Refusal,
  startFaultProxy,
  type FaultProxy,
  type Weather,
} from '../support/fault-proxy.ts';
import { until } from '../support/ports.ts';
import { startRig, type Rig } from '../support/rig.ts';
import { makeTar } from '../support/tars.ts';

// P7: while the store as a whole cannot serve, uploading pauses, no recording's retry is spent, and it goes on by itself. Two upload
// processes, one site, a network with faults to switch on between them and a real store.

let rig: Rig;
let proxy: FaultProxy;
let landed = 0;
let second: ReturnType<typeof spawn>;

beforeAll(async () => {
  const gateway = new URL(process.env['WAVSPOOL_TEST_S3'] ?? '');
  proxy = await startFaultProxy(Number(gateway.port));
  rig = await startRig(undefined, {
    s3: { endpoint: `http://127.0.0.1:${proxy.port}` },
    upload: { maxRetries: 3, concurrency: 4 }, // few, so that jobs carry several recordings each
  });
  startSecond();
  await until(
    'two upload processes are at work',
    async () => (await status()).roles.filter(({ role }) => role === 'upload').length === 2,
  );
});
afterAll(async () => {
  second.kill('SIGTERM');
  await once(second, 'exit');
  await rig[Symbol.asyncDispose]();
  await proxy[Symbol.asyncDispose]();
});

function startSecond(): void {
  const [program = '', ...args] = rig.command;
  second = spawn(program, [...args, 'work', 'upload'], { stdio: 'ignore' });
}

interface Status {
  readonly store: { readonly available: boolean; readonly cause?: string; readonly since?: string };
  readonly roles: readonly { readonly role: string; readonly cpuMs: number }[];
}
async function status(): Promise<Status> {
  return (await (await ask('/api/status')).json()) as Status; // a program for each look would take most of the time
}

async function ask(path: string): Promise<Response> {
  const token = (await readFile(join(rig.data, 'dashboard.token'), 'utf8')).trim();
  return fetch(`${rig.http}${path}`, { headers: { authorization: `Bearer ${token}` } });
}

async function land(recordings: number): Promise<void> {
  landed += recordings;
  const members = Array.from({ length: recordings }, (_, i) => ({
    name: `${landed}-${i}.wav`,
    body: randomBytes(40_000),
  }));
  await rig.land(`${landed}/a.tar`, makeTar(members));
}

/** Waits for it: the dashboard's answer may be a second old, and tell of the outage before. */
async function untilMetricsSay(available: 0 | 1): Promise<void> {
  const said = new RegExp(`^wavspool_store_available\\{[^}]*\\} ${available}$`, 'm');
  await until(`the metrics say ${available}`, async () => {
    const answer = await ask('/metrics');
    return said.test(await answer.text());
  });
}

const slowDown = s3Refusal(503, 'SlowDown');
const OUTAGES: readonly (readonly [string, Weather, string])[] = [
  ['every connection is refused', { kind: 'refuse' }, 'network'],
  ['every body is cut in the middle', { kind: 'reset', afterBytes: 8000 }, 'network'],
  ['it asks for fewer requests', { kind: 'answer', response: slowDown }, 'throttled'],
  [
    'it answers with errors of its own',
    { kind: 'answer', response: s3Refusal(500, 'InternalError') },
    'unavailable',
  ],
  [
    'a gateway answers for it',
    { kind: 'answer', response: httpAnswer(502, '<html>bad gateway</html>', 'text/html') },
    'unavailable',
  ],
  [
    'its clock and ours differ',
    { kind: 'answer', response: s3Refusal(403, 'RequestTimeTooSkewed') },
    'credentials',
  ],
  ['the token has expired', { kind: 'answer', response: s3Refusal(400, 'ExpiredToken') }, 'credentials'],
  ['the key was revoked', { kind: 'answer', response: s3Refusal(403, 'InvalidAccessKeyId') }, 'credentials'],
  ['the bucket is gone', { kind: 'answer', response: s3Refusal(404, 'NoSuchBucket') }, 'bucket'],
  [
    'a login page answers',
    { kind: 'answer', response: httpAnswer(200, '<html>please log in</html>', 'text/html') },
    'protocol',
  ],
];

beforeEach(() => proxy.set({ kind: 'pass' }));

test.each(OUTAGES)(
  '%s: nothing is spent, every role sees it, and it goes on by itself',
  async (_, weather, cause) => {
    proxy.set(weather);
    await land(30);
    await until('the store is seen to be away', async () => !(await status()).store.available);
    const seen = await status();
    expect(seen.store).toMatchObject({ available: false, cause });
    expect(Date.parse(seen.store.since ?? '')).toBeLessThanOrEqual(Date.now());
    await untilMetricsSay(0);

    await new Promise((resolve) => setTimeout(resolve, 2000)); // the other process has looked by then
    const made = proxy.connections();
    await new Promise((resolve) => setTimeout(resolve, 3000));
    expect(proxy.connections() - made).toBeLessThan(12); // probes, not a storm
    const rows = await rig.rows(
      "SELECT status, count(*) AS n, max(retry_count) AS retries FROM uploads WHERE status <> 'SUCCESS' GROUP BY status",
    );
    expect(rows.every(({ retries }) => retries === 0)).toBe(true);
    const failed = rows.find(({ status }) => status === 'FAILED');
    expect(Number(failed?.['n'] ?? 0)).toBeLessThanOrEqual(2 * 8); // what each process takes for the recordings' own faults

    proxy.set({ kind: 'pass' });
    await rig.settled(landed);
    // a probe that was under way may have failed after the last recording got through; the next one has nothing to upload
    await until('the store is seen to be back', async () => (await status()).store.available, 90_000); // 60 s at most between two
    await untilMetricsSay(1);
  },
);

test('a single recording that meets an outage spends nothing either', async () => {
  proxy.set({ kind: 'refuse' });
  await land(1);
  await until('the store is seen to be away', async () => !(await status()).store.available);
  await new Promise((resolve) => setTimeout(resolve, 4000)); // longer than all its retries would take
  expect(await rig.rows("SELECT max(retry_count) AS retries FROM uploads WHERE status <> 'SUCCESS'")).toEqual(
    [{ retries: 0 }],
  );
  proxy.set({ kind: 'pass' });
  await rig.settled(landed);
});

test('a few recordings whose bodies are all cut spend nothing either, though small requests get through', async () => {
  proxy.set({ kind: 'reset', afterBytes: 8000 });
  await land(3);
  await until('the store is seen to be away', async () => !(await status()).store.available);
  await new Promise((resolve) => setTimeout(resolve, 4000)); // longer than all their retries would take
  expect(await rig.rows("SELECT max(retry_count) AS retries FROM uploads WHERE status <> 'SUCCESS'")).toEqual(
    [{ retries: 0 }],
  );
  proxy.set({ kind: 'pass' });
  await rig.settled(landed);
});

test('one recording whose body alone is cut is no outage, even if nothing else waits: its retries are its own', async () => {
  proxy.set({ kind: 'reset on', words: `/${landed + 1}-0.wav` });
  await land(1);
  const open = "SELECT retry_count, cause FROM uploads WHERE status <> 'SUCCESS'";
  await until('it is given up', async () => (await rig.rows(open))[0]?.['retry_count'] === 3);
  expect(await rig.rows(open)).toEqual([{ retry_count: 3, cause: 'network' }]);
  expect((await status()).store.available).toBe(true);
  proxy.set({ kind: 'pass' });
  await rig.wavspool('requeue', '--all');
  await rig.settled(landed);
  expect(await rig.s3.keys()).not.toContainEqual(expect.stringContaining('.wavspool-probe/'));
});

test('a key that is refused, tried first after an outage, keeps no other recording from going on, and spends its own retries', async () => {
  proxy.set({ kind: 'refuse' });
  await land(21);
  await until('the store is seen to be away', async () => !(await status()).store.available);
  proxy.set({ kind: 'answer on', words: `/${landed}-0.wav`, response: s3Refusal(403, 'AccessDenied') });
  const open = "SELECT wav_path, retry_count, cause FROM uploads WHERE status <> 'SUCCESS'";
  await until(
    'the others are uploaded and it is given up',
    async () => {
      const rows = await rig.rows(open);
      return rows.length === 1 && rows[0]?.['retry_count'] === 3;
    },
    90_000,
  );
  expect(await rig.rows(open)).toMatchObject([{ cause: 'rejected' }]);
  await until('the store is seen to be back', async () => (await status()).store.available);
  proxy.set({ kind: 'pass' });
  await rig.wavspool('requeue', '--all');
  await rig.settled(landed);
});

test('an outage that every process which knew of it died of is over with the first upload', async () => {
  proxy.set({ kind: 'refuse' });
  await land(3);
  await until('the store is seen to be away', async () => !(await status()).store.available);
  const ended = once(second, 'exit');
  second.kill('SIGKILL');
  await ended;
  await rig.kill('upload');
  proxy.set({ kind: 'pass' });
  startSecond();
  await rig.settled(landed);
  await until('the store is seen to be back', async () => (await status()).store.available);
});

test('a network that swallows everything is an outage too, and goes on by itself', async () => {
  proxy.set({ kind: 'freeze' });
  await land(30);
  await until('the store is seen to be away', async () => !(await status()).store.available, 110_000);
  const [row] = await rig.rows('SELECT max(retry_count) AS retries FROM uploads');
  expect(row).toEqual({ retries: 0 });
  proxy.set({ kind: 'pass' });
  await rig.settled(landed);
});
