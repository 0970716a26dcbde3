import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import type { Ledger } from '../../src/domain/ledger.ts';
import { openMaintenance, type Maintenance } from '../../src/maintenance/catalogue/index.ts';
import { loadSettings, Secret, type Settings } from '../../src/platform/config/index.ts';
import { uploadWork, type Queues } from '../../src/platform/queue/index.ts';
import { openQueues } from '../../src/platform/queue/open.ts';
import { systemClock } from '../../src/platform/runtime/index.ts';
import { openSqliteLedger } from '../../src/platform/state/index.ts';
import { startTestDashboard, type TestDashboard } from '../support/dashboard.ts';

// What Bull Board may change: asked of its API, as a script would, whatever buttons its page shows.

const QUEUE = 'main.upload';
const TOKEN = 'token';
const READ_ONLY = 'looks-only';

let directory: string;
let settings: Settings;
let ledger: Ledger;
let host: Maintenance;
let dashboard: TestDashboard;
let queues: Queues;
let job: string;
const report = (): void => undefined;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'wavspool-board-'));
  await mkdir(join(directory, 'data/incoming'), { recursive: true });
  await mkdir(join(directory, 'data/extracted'));
  const configFile = join(directory, 'wavspool.yaml');
  await writeFile(configFile, `paths: { data: ${directory}/data }\nhttp: { readOnlyToken: ${READ_ONLY} }\n`);
  ({ settings } = loadSettings({ configFile, env: {} }));
  const file = settings.paths.state;
  ledger = await openSqliteLedger({ file, maxRetries: 0, clock: systemClock, random: Math.random, report });
  host = await openMaintenance({ settings, clock: systemClock, random: Math.random, report });
  dashboard = await startTestDashboard(settings, ledger, host);
  const url = new Secret(dashboard.redis.url);
  queues = openQueues({ ...settings, redis: { url } }, report, systemClock);
});
afterAll(async () => {
  await queues.close();
  await dashboard[Symbol.asyncDispose]();
  host.close();
  await ledger.close();
  await rm(directory, { recursive: true });
});
beforeEach(async () => {
  await queues.upload.bull.pause(); // only a paused queue can be obliterated
  await queues.upload.add([uploadWork('/extracted/a.wav', 1)]);
  job = (await queues.upload.bull.getJobs())[0]?.id ?? '';
  expect(job).not.toBe('');
});

/** The status of what is asked at `path`, which goes out as it stands: a browser would tidy it. */
function ask(method: string, path: string, { address, token }: { address: string; token: string }) {
  const { hostname, port } = new URL(address);
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
  return new Promise<number | undefined>((resolve, reject) => {
    const asked = request({ hostname, port, method, path: `/queues/api/${path}`, headers }, (answer) => {
      answer.resume();
      resolve(answer.statusCode);
    });
    asked.on('error', reject);
    asked.end('{}');
  });
}

const destructive = (): readonly (readonly [method: string, path: string])[] => [
  ['PUT', `queues/${QUEUE}/obliterate`],
  ['PUT', `queues/${QUEUE}/empty`],
  ['PUT', `queues/${QUEUE}/clean/failed`],
  ['PUT', `queues/${QUEUE}/obliterate/`],
  ['PUT', `queues/${QUEUE.replace('.', '%2e')}/empty`],
  ['PUT', `queues/${QUEUE}/%65mpty`],
  ['PUT', `queues/${QUEUE}/empty?/retry`],
  // a browser keeps what follows a "#" to itself; the router ends the address there
  ['PUT', `queues/${QUEUE}/obliterate#/retry`],
  ['PUT', `queues/${QUEUE}/empty#/promote`],
  ['PUT', `queues/${QUEUE}/${job}/clean`],
  ['PUT', `queues/${QUEUE}/${job}/remove-unprocessed-children`],
  ['PUT', `queues/${QUEUE}/concurrency`],
  ['PUT', `queues/${QUEUE}/rate-limit`],
  ['PUT', `queues/${QUEUE}/job-schedulers/x/remove`],
  ['PUT', `queues/${QUEUE}/job-schedulers/x/run`],
  ['PATCH', `queues/${QUEUE}/job-schedulers/x`],
  ['PATCH', `queues/${QUEUE}/${job}/update-data`],
  ['PATCH', `queues/${QUEUE}/${job}/delay`],
  ['PATCH', `queues/${QUEUE}/${job}/priority`],
  ['POST', `queues/${QUEUE}/add`],
];

test('what removes or edits is refused to both tokens, however the address is written', async () => {
  const before = await queues.upload.bull.getJobCounts();
  for (const token of [TOKEN, READ_ONLY])
    for (const [method, path] of destructive())
      expect([path, await ask(method, path, { ...dashboard, token })]).toEqual([path, 403]);
  expect(await queues.upload.bull.getJobCounts()).toEqual(before);
  expect(await queues.upload.bull.getJob(job)).toBeDefined();
});

test('a pause and a resume are allowed, and not to the read-only token, which is offered no button', async () => {
  const path = `queues/${QUEUE}/resume`;
  expect(await ask('PUT', path, { ...dashboard, token: READ_ONLY })).toBe(403);
  expect(await queues.upload.isPaused()).toBe(true);
  expect(await ask('PUT', path, { ...dashboard, token: TOKEN })).toBe(200);
  expect(await queues.upload.isPaused()).toBe(false);
  const modes = async (token: string): Promise<unknown[]> => {
    const headers = { authorization: `Bearer ${token}` };
    const answer = await fetch(`${dashboard.address}/queues/api/queues`, { headers });
    const board = (await answer.json()) as { queues: { readOnlyMode: boolean; allowRetries: boolean }[] };
    return board.queues.map(({ readOnlyMode, allowRetries }) => [readOnlyMode, allowRetries]);
  };
  expect(await modes(READ_ONLY)).toEqual(Array.from({ length: 3 }, () => [true, false]));
  expect(await modes(TOKEN)).toEqual(Array.from({ length: 3 }, () => [false, true]));
});

test('"http.bullBoard: full" lets the token empty a queue, and no other', async () => {
  const full: Settings = { ...settings, http: { ...settings.http, bullBoard: 'full' } };
  await using board = await startTestDashboard(full, ledger, host, dashboard.redis);
  const path = `queues/${QUEUE}/empty`;
  expect(await ask('PUT', path, { ...board, token: READ_ONLY })).toBe(403);
  expect(await queues.upload.bull.getJob(job)).toBeDefined();
  expect(await ask('PUT', path, { ...board, token: TOKEN })).toBe(200);
  expect(await queues.upload.bull.getJob(job)).toBeUndefined();
});
