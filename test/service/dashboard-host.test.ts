import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { loadSettings, Secret, type Settings } from '../../src/platform/config/index.ts';
import { openMaintenance, type Maintenance } from '../../src/maintenance/catalogue/index.ts';
import { uploadWork } from '../../src/platform/queue/index.ts';
import { openQueues } from '../../src/platform/queue/open.ts';
import { systemClock } from '../../src/platform/runtime/index.ts';
import { openSqliteLedger } from '../../src/platform/state/index.ts';
import type { Ledger } from '../../src/domain/ledger.ts';
import { startTestDashboard, type TestDashboard } from '../support/dashboard.ts';
import { until } from '../support/ports.ts';
import { makeTar } from '../support/tars.ts';

// What can be asked of a host over HTTP: tars to take in, snapshots to take, the queues of every site.

const SETTINGS = `paths: { data: DIR/data }
extract: { minFreeBytes: 1MiB }
databases:
  - { name: state, path: <data>/state.db, snapshots: [
      { name: nightly, cron: "0 2 * * *", dir: <data>/copies, file: "state_{YYYY-MM-DD-HH-mm-ss}.db" },
      { name: before-deploy, on: deploy, dir: <data>/copies, file: "deploy_{label}.db", compress: gzip } ] }
`;

let directory: string;
let settings: Settings;
let ledger: Ledger;
let host: Maintenance;
let dashboard: TestDashboard;
const report = (): void => undefined;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'wavspool-dashboard-'));
  await mkdir(join(directory, 'data/incoming'), { recursive: true });
  await mkdir(join(directory, 'data/extracted'));
  const configFile = join(directory, 'wavspool.yaml');
  await writeFile(configFile, SETTINGS.replaceAll('DIR', directory));
  ({ settings } = loadSettings({ configFile, env: {} }));
  const file = settings.paths.state;
  ledger = await openSqliteLedger({ file, maxRetries: 0, clock: systemClock, random: Math.random, report });
  host = await openMaintenance({ settings, clock: systemClock, random: Math.random, report });
  dashboard = await startTestDashboard(settings, ledger, host);
});
afterAll(async () => {
  await dashboard[Symbol.asyncDispose]();
  host.close();
  await ledger.close();
  await rm(directory, { recursive: true });
});

function get(path: string): Promise<unknown> {
  return dashboard.json(dashboard.get(path));
}

function post(path: string, body: object): Promise<unknown> {
  return dashboard.json(dashboard.post(path, body));
}

async function ingestStatus(tar: string): Promise<number> {
  return (await dashboard.post('/api/ingest', { tars: [tar] })).status;
}

test('a tar that is named is queued; one that cannot be is refused', async () => {
  const tar = join(directory, 'data/incoming/now.tar');
  await writeFile(tar, makeTar([{ name: 'a.wav', body: Buffer.alloc(100, 1) }]));
  expect(await post('/api/ingest', { tars: [tar] })).toEqual({ tars: [{ tar, state: 'queued' }] });
  expect(await post('/api/ingest', { tars: [tar] })).toEqual({ tars: [{ tar, state: 'known' }] });
  expect(await ingestStatus('/etc/passwd')).toBe(400);
  expect(await ingestStatus(`${tar}.gone`)).toBe(404);
  await writeFile(`${tar}.cut`, (await readFile(tar)).subarray(0, 700));
  expect(await ingestStatus(`${tar}.cut`)).toBe(409);
});

test('the queues of every site in this Redis are on the board, this site first', async () => {
  const url = new Secret(dashboard.redis.url);
  const other = openQueues({ ...settings, site: 'other', redis: { url } }, report, systemClock);
  await other.upload.add([uploadWork('/x.wav', 1)]);
  await using later = await startTestDashboard(settings, ledger, host, dashboard.redis);
  await until('the other site is shown', async () => {
    const { queues } = (await later.json(later.get('/queues/api/queues'))) as { queues: { name: string }[] };
    return queues.some(({ name }) => name === 'other.upload') && queues[0]?.name === 'main.extract';
  });
  await other.close();
});

test('snapshots are taken on request and on an event, listed, and stand in the status and the metrics', async () => {
  expect(await get('/api/backups')).toEqual({ rows: [], total: 0, unlisted: [], next: null });
  expect(await get('/api/status')).toMatchObject({ snapshots: { state: null } });

  expect(await post('/api/backups/run', { database: 'state' })).toEqual({
    snapshots: [expect.objectContaining({ database: 'state', schedule: 'nightly', verified: true })],
  });
  expect(await post('/api/events', { event: 'deploy', label: 'v1.2 / blue' })).toEqual({
    snapshots: [expect.objectContaining({ name: 'deploy_v1.2-blue.db.gz' })],
  });
  const unnamed = await dashboard.post('/api/events', { event: 'deploy' });
  expect([unnamed.status, await unnamed.json()]).toEqual([
    400,
    expect.objectContaining({ error: expect.stringContaining('needs a label') }),
  ]);
  const refused = await dashboard.post('/api/events', { event: 'deplyo' });
  expect([refused.status, await refused.json()]).toEqual([
    400,
    expect.objectContaining({ code: 'USAGE', error: expect.stringContaining('the events are: deploy') }),
  ]);
  expect((await dashboard.post('/api/backups/run', { database: 'stat' })).status).toBe(400);
  expect((await dashboard.post('/api/backups/run', { mirror: 'none' })).status).toBe(400);

  const first = (await get('/api/backups?limit=1')) as { rows: { path: string }[]; next: string };
  expect(first).toEqual({
    rows: [expect.objectContaining({ id: expect.any(String), where: 'local' })],
    total: 2,
    unlisted: [],
    next: expect.any(String),
  });
  const second = (await get(`/api/backups?limit=1&after=${first.next}`)) as typeof first;
  expect(second).toMatchObject({ rows: [{ where: 'local' }], next: null });
  expect(second.rows[0]?.path).not.toBe(first.rows[0]?.path);
  expect((await dashboard.get('/api/backups?after=made-up')).status).toBe(400);
  await until('the status is fresh', async () => {
    const { snapshots } = (await get('/api/status')) as { snapshots: Record<string, unknown> };
    return snapshots['state'] !== null;
  });
  const { snapshots, schedules } = (await get('/api/status')) as { snapshots: object; schedules: object[] };
  expect(snapshots).toMatchObject({ state: { verified: true } });
  expect(schedules[0]).toMatchObject({
    job: 'snapshot state nightly',
    cron: '0 2 * * *',
    last: { by: 'hand', outcome: 'done' },
  });
  const metrics = await (await dashboard.get('/metrics')).text();
  expect(metrics).toMatch(
    /wavspool_job_last_success_timestamp_seconds\{job="snapshot state nightly",site="main"\} 1\d{9}/,
  );
});

test('while Redis is away that is said instead of hanging, and what does not lie in Redis is told all the same', async () => {
  const { redis } = dashboard;
  await redis.kill();
  const problems = async (): Promise<readonly string[]> =>
    ((await get('/healthz')) as { attention: { id: string }[] }).attention.map(({ id }) => id);
  await until('it is noticed', async () => (await problems()).includes('redis-away'));
  expect(await get('/healthz')).toMatchObject({
    alive: false,
    attention: [{ id: 'redis-away', what: expect.stringContaining('Redis did not answer') }],
  });
  expect((await dashboard.get('/healthz')).status).toBe(503);
  const answer = await dashboard.get('/api/status');
  expect(answer.status).toBe(200);
  expect(await answer.json()).toMatchObject({
    redis: { available: false, code: 'REDIS_UNREACHABLE' },
    queues: {},
    store: null,
    roles: [],
    recordings: { SUCCESS: 0 },
    schedules: expect.arrayContaining([expect.objectContaining({ job: 'snapshot state nightly' })]),
  });
  expect((await dashboard.get('/metrics')).status).toBe(200);
  expect(await get('/readyz')).toMatchObject({ redis: { ok: false }, state: { ok: true } });
  await redis.start();
  await until('it has recovered', async () => !(await problems()).includes('redis-away'));
});
