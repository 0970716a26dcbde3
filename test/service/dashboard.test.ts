import { mkdtemp, mkdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { loadSettings, Secret, type Settings } from '../../src/platform/config/index.ts';
import { startDashboard } from '../../src/web/server.ts';
import { dashboardToken } from '../../src/web/token.ts';
import { type Maintenance, maintenanceApi, openMaintenance } from '../../src/maintenance/catalogue/index.ts';
import { ingestTars } from '../../src/ingest/rescan/index.ts';
import { uploadWork, type Queues } from '../../src/platform/queue/index.ts';
import { openQueues } from '../../src/platform/queue/open.ts';
import { systemClock } from '../../src/platform/runtime/index.ts';
import { chosenRecordings, failureFilter } from '../../src/operate/requeue/index.ts';
import { openSqliteLedger } from '../../src/platform/state/index.ts';
import type { Ledger } from '../../src/domain/ledger.ts';
import { startRedis, type TestRedis } from '../support/redis.ts';
import { until } from '../support/ports.ts';
import { commitTar } from '../support/commit-tar.ts';

const TOKEN = 'a-token-of-the-test';
const BEARER = { authorization: `Bearer ${TOKEN}` };
const TAR = '/landing/day-1.tar';

let directory: string;
let redis: TestRedis;
let queues: Queues;
let ledger: Ledger;
let settings: Settings;
let host: Maintenance;
let address: string;
let stop: () => Promise<void>;
const reported: string[] = [];

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'wavspool-dashboard-'));
  await mkdir(join(directory, 'data/incoming'), { recursive: true });
  await mkdir(join(directory, 'data/extracted'));
  redis = await startRedis();
  const file = join(directory, 'wavspool.yaml');
  await writeFile(
    file,
    `paths: { data: ${directory}/data }\nredis: { url: "${redis.url}" }\nhttp: { port: 0 }\nextract: { minFreeBytes: 1MiB }\n`,
  );
  ({ settings } = loadSettings({ configFile: file, env: {} }));
  queues = openQueues(settings, report, systemClock);
  ledger = await openSqliteLedger({
    file: settings.paths.state,
    maxRetries: 0,
    clock: systemClock,
    random: Math.random,
    report,
  });
  await addFailures();
  host = await openMaintenance({ settings, clock: systemClock, random: Math.random, report });
  ({ address, stop } = await startDashboard({
    settings,
    parts: { recordings: true, store: true, redis: true },
    ledger,
    queues,
    presence: queues.shared,
    clock: systemClock,
    report,
    requeue: async (words, tars) => {
      const filter = await failureFilter({ ledger, settings }, words);
      const pages = await Array.fromAsync(chosenRecordings(ledger.recordings, filter));
      const paths = pages.flat().map(({ row }) => row.path);
      return { recordings: await ledger.recordings.requeue(paths), tars: tars ? 1 : 0 };
    },
    ingest: (tars) => ingestTars({ settings, ledger, queues }, tars),
    runAudit: () => Promise.reject(new Error('nobody audits here')),
    pauses: () =>
      Promise.resolve({
        extract: { reason: 'the disk is being swapped', since: '2026-11-20T08:00:00Z', until: null },
        upload: undefined,
      }),
    host: maintenanceApi(host, AbortSignal.timeout(60_000)),
    token: new Secret(TOKEN),
  }));
});

afterAll(async () => {
  await stop();
  await queues.close();
  await ledger.close();
  host.close();
  await redis[Symbol.asyncDispose]();
  await rm(directory, { recursive: true });
});

function report(event: string, fields: object): void {
  reported.push(`${event} ${JSON.stringify(fields)}`);
}

function guess(): Promise<Response> {
  return fetch(`${address}/login`, {
    method: 'POST',
    body: new URLSearchParams({ token: 'guess' }),
    redirect: 'manual',
  });
}

async function addFailures(): Promise<void> {
  const recordings = ['a.wav', 'b.wav', 'c.wav'].map((name) => [
    `/extracted/${name}`,
    { sha256: name, size: 10 },
  ]);
  await commitTar(ledger, { path: TAR, size: 1, mtimeMs: 1 }, Object.fromEntries(recordings));
  await fail('/extracted/a.wav');
  await fail('/extracted/b.wav');
}

function fail(path: string): Promise<void> {
  return ledger.recordings.failed(path, {
    cause: 'conflict',
    message: 'another object has this key',
    retryCount: 0,
  });
}

async function json(response: Promise<Response>): Promise<Record<string, unknown>> {
  return (await (await response).json()) as Record<string, unknown>;
}

function get(path: string, headers: Record<string, string> = {}): Promise<Response> {
  return fetch(address + path, { headers, redirect: 'manual' });
}

function post(path: string, body: unknown, headers: Record<string, string>): Promise<Response> {
  return fetch(address + path, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(body),
    redirect: 'manual',
  });
}

async function logIn(): Promise<string> {
  const response = await fetch(`${address}/login`, {
    method: 'POST',
    body: new URLSearchParams({ token: TOKEN }),
    redirect: 'manual',
  });
  expect(response.status).toBe(303);
  return response.headers.getSetCookie()[0]!;
}

/** The problems that a verdict names. */
function ids(verdict: unknown): string[] {
  return (verdict as { attention: { id: string }[] }).attention.map(({ id }) => id);
}

test('everything but /healthz needs the token', async () => {
  for (const path of [
    '/metrics',
    '/readyz',
    '/api/status',
    '/api/uploads',
    '/api/tars',
    '/api/backups',
    '/queues/api/queues',
    '/queues/static/css/x.css',
  ])
    expect([path, (await get(path)).status]).toEqual([path, 401]);
  expect((await post('/api/uploads/requeue', { all: true }, {})).status).toBe(401);
  expect((await get('/api/status', { authorization: 'Bearer wrong' })).status).toBe(401);
  expect(await (await get('/api/status')).json()).toMatchObject({ code: 'UNAUTHENTICATED' });
  expect((await get('/api/status', BEARER)).status).toBe(200);
  const health = await get('/healthz');
  expect([health.status, await health.json()]).toMatchObject([200, { alive: true, held: [] }]);
});

test('a browser is sent to the login page, and a login gives a cookie that holds no token', async () => {
  for (const path of ['/', '/?token=wrong-by-far', '/queues', '/queues/', '/queues/queue/main.upload']) {
    const refused = await get(path);
    const expected = path.includes('token') ? [401, null] : [303, `/login?next=${encodeURIComponent(path)}`];
    expect([path, refused.status, refused.headers.get('location')]).toEqual([path, ...expected]);
  }
  expect(await (await get('/login')).text()).toContain('type="password"');
  const setCookie = await logIn();
  expect(setCookie).toContain('HttpOnly');
  expect(setCookie).toContain('SameSite=Lax');
  expect(setCookie).not.toContain(TOKEN);
  const cookie = setCookie.split(';')[0]!;
  const page = await get('/', { cookie });
  expect(page.status).toBe(200);
  expect(page.headers.get('content-security-policy')).toContain("default-src 'none'");
  expect((await get('/api/status', { cookie: `${cookie}x` })).status).toBe(401);
});

test('the printed address logs in and loses its token', async () => {
  const response = await get(`/?token=${TOKEN}`);
  expect([response.status, response.headers.get('location')]).toEqual([303, '/']);
  const cookie = response.headers.getSetCookie()[0]!.split(';')[0]!;
  expect((await get('/api/status', { cookie })).status).toBe(200);
});

test('a change must come from our own page, or with the token from a program', async () => {
  const cookie = (await logIn()).split(';')[0]!;
  const nothing = { cause: 'network' };
  for (const foreign of [
    {},
    { origin: 'https://evil.example' },
    { 'sec-fetch-site': 'cross-site' },
    { 'sec-fetch-site': 'same-site', origin: address },
  ]) {
    const response = await post('/api/uploads/requeue', nothing, { cookie, ...foreign });
    expect([foreign, response.status]).toEqual([foreign, 403]);
  }
  const pause = await fetch(`${address}/queues/api/queues/main.upload/pause`, {
    method: 'PUT',
    headers: { cookie, origin: 'https://evil.example' },
  });
  expect(pause.status).toBe(403);
  expect(await queues.upload.isPaused()).toBe(false);
  expect((await post('/api/uploads/requeue', nothing, { cookie, origin: address })).status).toBe(200);
  expect((await post('/api/uploads/requeue', nothing, BEARER)).status).toBe(200);
  const elsewhere = { ...BEARER, origin: 'https://evil.example' };
  expect((await post('/api/uploads/requeue', nothing, elsewhere)).status).toBe(403);
});

test('re-queues what matches and refuses what it does not understand', async () => {
  const page = '/api/uploads?status=FAILED&limit=1';
  const { next, ...first } = (await json(get(page, BEARER))) as { next: string };
  expect(first).toMatchObject({ total: 2, rows: [{ status: 'FAILED', cause: 'conflict' }] });
  expect(await json(get(`${page}&after=${next}`, BEARER))).toMatchObject({ rows: [{}], next: null });
  for (const body of [
    {},
    { everything: true },
    { match: '(' },
    { cause: 'netwrok' },
    { since: 'yesterday' },
    { all: false },
  ]) {
    const response = await post('/api/uploads/requeue', body, BEARER);
    expect([body, response.status, await response.json()]).toMatchObject([body, 400, { code: 'USAGE' }]);
  }
  for (const [asked, error] of [
    ['/api/uploads?cause=netwrok', 'there is no cause "netwrok": did you mean network?'],
    ['/api/fetch?cause=netwrok', 'there is no cause "netwrok": did you mean network?'],
    ['/api/uploads?codec=ulow', 'there is no codec "ulow": did you mean ulaw?'],
    ['/api/fetch?codec=ulow', 'there is no codec "ulow": did you mean ulaw?'],
    ['/api/recordings/zzz', '"zzz" is no id: take what a row of the list gave as "id"'],
    ['/api/tars/zzz', '"zzz" is no id: take what a row of the list gave as "id"'],
  ] as const) {
    const response = await get(asked, BEARER);
    const remedy = expect.stringContaining('docs/http.md');
    expect([response.status, await response.json()]).toEqual([400, { error, code: 'USAGE', remedy }]);
  }
  expect(await (await post('/api/uploads/requeue', { match: 'a\\.wav' }, BEARER)).json()).toEqual({
    recordings: 1,
    tars: 0,
  });
  expect((await ledger.recordings.get('/extracted/a.wav'))?.status).toBe('PENDING');
  expect((await ledger.recordings.get('/extracted/b.wav'))?.status).toBe('FAILED');
  expect(
    await (await post('/api/uploads/requeue', { tar: '*1.tar', since: '2020-01-01' }, BEARER)).json(),
  ).toEqual({
    recordings: 1,
    tars: 1,
  });
  expect((await ledger.recordings.get('/extracted/b.wav'))?.status).toBe('PENDING');
});

test('the status and the metrics tell rows, queues, pauses and roles', async () => {
  await queues.upload.add([uploadWork('/extracted/c.wav', 1)]);
  await queues.extract.pause();
  const now = systemClock.now();
  await queues.shared.beat({
    role: 'upload',
    host: 'here',
    pid: 7,
    startedAt: now,
    at: now,
    rssBytes: 5,
    peakRssBytes: 6,
    cpuMs: 1500,
    loopMaxMs: 20,
    loopRecentMs: 10,
    jobs: { active: 0, finished: 3, lastFinishedMsAgo: 10 },
    counters: { recordingsUploaded: 3 },
  });
  await until('the status shows it', async () =>
    JSON.stringify(await json(get('/api/status', BEARER))).includes('recordingsUploaded'),
  );
  expect(await (await get('/api/status', BEARER)).json()).toMatchObject({
    site: 'main',
    tars: { extracted: 1, failed: 0 },
    queues: {
      upload: { waiting: 1, paused: false },
      extract: { paused: true, reason: 'the disk is being swapped', until: null },
    },
    store: { available: true },
    oldestWaiting: null,
    disk: { incoming: { path: settings.paths.incoming } },
    verdict: { alive: true },
  });
  const told = ids(await json(get('/healthz')));
  expect(told).toContain('paused:extract');
  expect(ids(((await json(get('/api/status', BEARER))) as { verdict: unknown }).verdict)).toEqual(told);
  const text = await (await get('/metrics', BEARER)).text();
  expect(text.match(/wavspool_problem\{id="[^"]*"/g)).toEqual(
    told.map((id) => `wavspool_problem{id="${id}"`),
  );
  expect(text).toContain('wavspool_queue_jobs{queue="upload",state="waiting",site="main"} 1');
  expect(text).toContain('wavspool_queue_paused{queue="extract",site="main"} 1');
  expect(text).toContain('wavspool_store_available{site="main"} 1');
  expect(text).toContain(
    'wavspool_recordings_uploaded_total{role="upload",host="here",pid="7",site="main"} 3',
  );
  for (const line of text.split('\n').filter((line) => line !== '' && !line.startsWith('#')))
    expect(line).toMatch(/^wavspool_[a-z_]+\{[^}]*site="main"\} [-+.e\d]+$/);
  expect((await get('/healthz?role=upload')).status).toBe(200);
  expect((await get('/healthz?role=extract')).status).toBe(503);
  expect(await (await get('/readyz', BEARER)).json()).toEqual({
    redis: { ok: true },
    state: { ok: true },
    store: { ok: true },
    disk: { ok: true },
  });
  expect(await (await get('/api/tars', BEARER)).json()).toEqual({
    extracted: 1,
    failed: 0,
    rows: [],
    next: null,
  });
});

test('Bull Board shows the three queues to who is logged in, and can act on them', async () => {
  const cookie = (await logIn()).split(';')[0]!;
  const page = await get('/queues', { cookie });
  expect([page.status, await page.text()]).toEqual([200, expect.stringContaining('wavspool main')]);
  const script = /src="(static\/[^"]+\.js)"/.exec(await (await get('/queues', { cookie })).text())![1];
  expect((await get(`/queues/${script}`, { cookie })).status).toBe(200);
  const board = (await json(get('/queues/api/queues', { cookie }))) as { queues: { name: string }[] };
  expect(board.queues.map(({ name }) => name)).toEqual(['main.extract', 'main.upload', 'main.maintenance']);
  const resume = await fetch(`${address}/queues/api/queues/main.extract/resume`, {
    method: 'PUT',
    headers: { cookie, origin: address },
  });
  expect(resume.status).toBe(200);
  expect(await queues.extract.isPaused()).toBe(false);
});

test('the rates tell what was uploaded and what failed in the present hour', async () => {
  await fail('/extracted/c.wav');
  await ledger.recordings.stored('/extracted/b.wav', {
    key: 'b.wav',
    size: 10,
    sha256: 'b.wav',
    etag: 'e',
    versionId: undefined,
  });
  const { rows: hours } = (await json(get('/api/rates', BEARER))) as {
    rows: { uploaded: number; failed: number }[];
  };
  expect(hours).toHaveLength(24);
  const { FAILED, SUCCESS } = await ledger.catalogue.counts();
  expect(FAILED).toBeGreaterThan(0);
  const ofTwo = hours.slice(-2); // the hour may have just ended
  expect(ofTwo.reduce((sum, { failed }) => sum + failed, 0)).toBe(FAILED);
  expect(ofTwo.reduce((sum, { uploaded }) => sum + uploaded, 0)).toBe(SUCCESS);
});

test('a token that was not set is made once, readable by its owner only', async () => {
  const { token: made, isNew } = await dashboardToken(settings);
  expect(isNew).toBe(true);
  const path = join(settings.paths.data, 'dashboard.token');
  expect((await stat(path)).mode & 0o777).toBe(0o600);
  expect((await readFile(path, 'utf8')).trim()).toBe(made.reveal());
  const again = await dashboardToken(settings);
  expect([again.token.reveal(), again.isNew]).toEqual([made.reveal(), false]);
  const own = new Secret('own');
  expect((await dashboardToken({ ...settings, http: { token: own } })).token).toBe(own);
});

test('who guesses tokens has to wait', async () => {
  await until('it is refused', async () => (await guess()).status === 429);
  expect((await get(`/?token=${TOKEN}`)).status).toBe(429);
  expect(reported.join('\n')).not.toContain(TOKEN);
});
