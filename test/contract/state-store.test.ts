import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { systemClock, systemDice } from '../../src/platform/runtime/index.ts';
import { openStateStore } from '../../src/platform/state/index.ts';
import type { RecordingPage, RecordingPlace, StateStore } from '../../src/domain/ledger.ts';
import type { TarVersion } from '../../src/domain/tar.ts';
import type { WavFacts } from '../../src/domain/recording.ts';

const WAV: WavFacts = { valid: true, durationMs: 1000, codec: 'pcm', sampleRate: 8000, channels: 1 };
const TAR: TarVersion = { path: '/in/a.tar', size: 10, mtimeMs: 1000 };
let directory = '';
let file = '';
let reported: string[] = [];
const open = (): StateStore =>
  openStateStore({
    file,
    maxRetries: 5,
    clock: systemClock,
    dice: systemDice,
    report: (event) => {
      reported.push(event);
    },
  });
const sqlite3 = (sql: string): string => execFileSync('sqlite3', [file, sql], { encoding: 'utf8' }).trim();

const mark = (state: StateStore, i: number): Promise<void> =>
  state.markSuccess(`/x/${i}.wav`, {
    key: `${i}`,
    size: 5,
    sha256: `${i}`,
    etag: 'e',
    versionId: undefined,
  });

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'wavspool-state-'));
  file = join(directory, 'state.db');
  reported = [];
});
afterEach(() => rmSync(directory, { recursive: true }));

async function extract(
  state: StateStore,
  tar: TarVersion,
  recordings: Readonly<Record<string, string>>,
  batchSize = 1,
): Promise<void> {
  const extraction = state.beginExtraction(tar);
  for (const [path, sha256] of Object.entries(recordings)) {
    extraction.stage({ member: path, relativePath: path, temporary: '/t', size: 5, sha256, wav: WAV });
  }
  for (const { seq, recording } of extraction.staged()) extraction.place(seq, recording.member);
  await extraction.commit({ sha256: 'f', skipped: 1, refused: 0, batchSize: () => batchSize });
  extraction.discard();
}

test('recordings that share an upload job say so until they fail, are queued by hand or lose their object', async () => {
  const state = open();
  const paths = [1, 2, 3, 4, 5].map((i) => `/x/${i}.wav`);
  await extract(state, TAR, Object.fromEntries(paths.map((path) => [path, path])), 2);
  const batches = (): unknown[] => state.recordings(paths).map(({ batch }) => batch);
  expect(batches()).toEqual([0, 0, 1, 1, 2]);
  expect(state.openJobs()).toBe(3);

  await state.markFailed('/x/2.wav', { cause: 'network', message: 'timeout', retryCount: 0 });
  await state.markFailed('/x/3.wav', { cause: 'rejected', message: 'no', retryCount: 5 });
  expect(batches()).toEqual([0, undefined, undefined, 1, 2]);
  expect(state.openJobs()).toBe(4); // what was given up needs none
  await state.requeue(['/x/2.wav', '/x/3.wav']);
  await mark(state, 1);
  await mark(state, 5);
  expect(batches()).toEqual([0, undefined, undefined, 1, 2]);
  expect(state.openJobs()).toBe(3);
  await state.reopen('/x/5.wav');
  expect(batches()).toEqual([0, undefined, undefined, 1, undefined]);
  expect(state.openJobs()).toBe(4);
  state.close();
});

test('a tar that is extracted again leaves every recording the job that it has', async () => {
  const state = open();
  const recordings = Object.fromEntries([1, 2, 3, 4].map((i) => [`/x/${i}.wav`, `${i}`]));
  await extract(state, TAR, recordings, 2);
  await state.markFailed('/x/4.wav', { cause: 'changed', message: 'other bytes', retryCount: 0 });
  await extract(state, TAR, { ...recordings, '/x/new.wav': 'new' }, 4);
  const batches = state.tarRecordings(TAR.path, 0, 10).map(({ batch }) => batch);
  expect(batches).toEqual([0, 0, 1, undefined, 1]);
  expect(state.counts()).toMatchObject({ PENDING: 5 });
  state.close();
});

test('a page of open recordings never ends in the middle of a batch', async () => {
  const state = open();
  const names = Array.from({ length: 9 }, (_, i) => `/x/${i}.wav`);
  await extract(state, TAR, Object.fromEntries(names.map((name) => [name, name])), 3);
  const pages: (readonly { readonly path: string; readonly rowid: number }[])[] = [];
  for (let after = 0; ;) {
    const page = state.openRecordings(after, 5);
    expect(state.tarRecordings(TAR.path, after, 5).map(({ path }) => path)).toEqual(
      page.map(({ path }) => path),
    );
    const last = page.at(-1);
    if (last === undefined) break;
    after = last.rowid;
    pages.push(page);
  }
  expect(pages.map(({ length }) => length)).toEqual([3, 3, 3]);
  expect(pages.flat().map(({ path }) => path)).toEqual(names);
  state.close();
});

test('open recordings come page by page in the order of their rows, whatever their status', () => {
  open().close();
  const statuses = [
    'PENDING',
    'SUCCESS',
    'FAILED',
    'PENDING',
    'GIVEN UP',
    'FAILED',
    'PENDING',
    'SUCCESS',
    'PENDING',
  ];
  for (const [i, status] of statuses.entries()) {
    const row = status === 'GIVEN UP' ? "'FAILED', 5" : `'${status}', ${status === 'FAILED' ? 4 : 0}`;
    sqlite3(`INSERT INTO uploads (wav_path, status, retry_count) VALUES ('/x/${i}.wav', ${row})`);
  }
  sqlite3(
    `INSERT INTO uploads (wav_path, status, retry_count, tar) VALUES ('/in/a.tar', 'FAILED', 0, '/in/a.tar')`,
  );
  const state = open();
  const found: string[] = [];
  for (let after = 0; ;) {
    const page = state.openRecordings(after, 2);
    const last = page.at(-1);
    if (last === undefined) break;
    expect(page.length).toBeLessThanOrEqual(2);
    after = last.rowid;
    found.push(...page.map(({ path }) => path));
  }
  expect(found).toEqual([0, 2, 3, 5, 6, 8].map((i) => `/x/${i}.wav`));
  state.close();
});

test('a state.db of the version before is brought up to date with every row kept, and is not a take-over', async () => {
  const before = open();
  await extract(before, TAR, { '/x/a.wav': 'a' });
  before.close();
  const schema = 'SELECT sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY name';
  const current = sqlite3(schema);
  sqlite3(
    'DROP INDEX uploads_odd; DROP INDEX uploads_open_rows; ALTER TABLE uploads DROP COLUMN batch; PRAGMA user_version = 4',
  );
  reported = [];
  const state = open();
  expect(reported).toEqual([]);
  expect(state.openRecordings(0, 10).map(({ path }) => path)).toEqual(['/x/a.wav']);
  state.close();
  expect(sqlite3(`PRAGMA user_version; ${schema}`)).toBe(`6\n${current}`);
});

const recording = (i: number) => ({
  member: `${i}.wav`,
  relativePath: `${i}.wav`,
  temporary: `/t${i}`,
  size: 5,
  sha256: `${i}`,
  wav: WAV,
});

test('an extraction knows every temporary file, also of what it has not written down yet', () => {
  const state = open();
  const extraction = state.beginExtraction(TAR);
  for (let i = 0; i < 1203; i++) extraction.stage(recording(i));
  expect(new Set(extraction.temporaries()).size).toBe(1203);
  extraction.discard();
  state.close();
});

test('a newer schema is refused with its number, and left as it is', () => {
  open().close();
  sqlite3('PRAGMA user_version = 99');
  const before = sqlite3('.schema');
  expect(open).toThrow(/schema version 99/);
  expect(sqlite3('PRAGMA user_version')).toBe('99');
  expect(sqlite3('.schema')).toBe(before);
});

test('a file that is no database is refused by name', () => {
  writeFileSync(file, 'this is a text and no database, long enough to be read as a header'.repeat(20));
  expect(open).toThrow(file);
});

test('P9: the database, its -wal and its -shm are for this user alone, and there are exactly two tables', async () => {
  const state = open();
  await extract(state, TAR, { '/x/a.wav': 'a' });
  for (const suffix of ['', '-wal', '-shm'])
    expect(statSync(`${file}${suffix}`).mode & 0o777, suffix).toBe(0o600);
  expect(sqlite3("SELECT group_concat(name) FROM sqlite_master WHERE type = 'table'")).toBe(
    'extracted_tars,uploads',
  );
  state.close();
});

test('extracting again keeps what is in the store, and brings back what is not', async () => {
  const state = open();
  await extract(state, TAR, { '/x/a.wav': 'a', '/x/b.wav': 'b' });
  await state.markSuccess('/x/a.wav', {
    key: 'a.wav',
    size: 5,
    sha256: 'a',
    etag: 'e',
    versionId: undefined,
  });
  await state.markFailed('/x/b.wav', { cause: 'missing', message: 'gone', retryCount: 5 });
  expect(state.tarProgress(TAR.path)).toEqual({ PENDING: 0, SUCCESS: 1, retrying: 0, givenUp: 1 });
  await extract(state, TAR, { '/x/a.wav': 'a', '/x/b.wav': 'b' });
  expect(state.recording('/x/a.wav')).toMatchObject({ status: 'SUCCESS', etag: 'e' });
  expect(state.recording('/x/b.wav')).toMatchObject({ status: 'PENDING', cause: undefined });
  state.close();
});

test('a recording that another tar brought already counts for both tars', async () => {
  const state = open();
  await extract(state, TAR, { '/x/a.wav': 'a' });
  const copy = { path: '/in/b.tar', size: 10, mtimeMs: 2000 };
  await extract(state, copy, { '/x/a.wav': 'a' });
  expect(state.tar(copy.path)?.shared).toEqual(['/x/a.wav']);
  expect(state.tarProgress(copy.path).PENDING).toBe(1);
  await state.markSuccess('/x/a.wav', {
    key: 'a.wav',
    size: 5,
    sha256: 'a',
    etag: 'e',
    versionId: undefined,
  });
  expect(state.tarProgress(copy.path)).toEqual({ PENDING: 0, SUCCESS: 1, retrying: 0, givenUp: 0 });
  state.close();
});

test('a tar that was given up because it was not there, and lies there again, is not settled', async () => {
  const state = open();
  await state.markTarFailed(TAR, { cause: 'missing', message: 'it is not there', retryCount: 5 });
  expect(await state.settledTars([TAR])).toEqual(new Set());
  state.close();
});

test('a failed tar is settled for that version only, and its row goes when a version is extracted', async () => {
  const state = open();
  await state.markTarFailed(TAR, { cause: 'corrupt', message: 'no', retryCount: 5 });
  expect(state.counts()).toMatchObject({ FAILED: 0, failedTars: 1, extractedTars: 0 });
  expect(await state.settledTars([TAR])).toEqual(new Set([TAR.path]));
  const next = { ...TAR, size: 11 };
  expect(await state.settledTars([next])).toEqual(new Set());
  await extract(state, next, { '/x/a.wav': 'a' });
  expect(state.failedTar(TAR.path)).toBeUndefined();
  state.close();
});

test('re-queueing gives a fresh budget to FAILED rows alone', async () => {
  const state = open();
  await extract(state, TAR, { '/x/a.wav': 'a', '/x/b.wav': 'b' });
  await state.markFailed('/x/a.wav', { cause: 'network', message: 'reset', retryCount: 5 });
  expect(await state.requeue(['/x/a.wav', '/x/b.wav', '/x/none.wav'])).toBe(1);
  expect(state.recording('/x/a.wav')).toMatchObject({
    status: 'PENDING',
    retryCount: 0,
    errorMessage: undefined,
  });
  state.close();
});

test('100,000 recordings of one tar are one commit', async () => {
  const state = open();
  const recordings = Object.fromEntries(
    Array.from({ length: 100_000 }, (_, i) => [`/x/${i}.wav`, `sha-${i}`]),
  );
  await extract(state, TAR, recordings);
  expect(state.counts().PENDING).toBe(100_000);
  expect(state.tar(TAR.path)).toMatchObject({ recordings: 100_000, bytes: 500_000, skipped: 1 });
  state.close();
});

test('what ended within a time: from its first second on, before its last, and recordings alone', () => {
  open().close();
  sqlite3(`INSERT INTO uploads (wav_path, status, timestamp, tar) VALUES
    ('/x/before.wav', 'SUCCESS', '2025-09-01 01:59:59', NULL), ('/x/first.wav', 'SUCCESS', '2025-09-01 02:00:00', '/in/a.tar'),
    ('/x/last.wav', 'SUCCESS', '2025-09-01 02:59:59', NULL), ('/x/after.wav', 'SUCCESS', '2025-09-01 03:00:00', NULL),
    ('/x/failed.wav', 'FAILED', '2025-09-01 02:30:00', '/in/a.tar'), ('/in/b.tar', 'FAILED', '2025-09-01 02:30:00', '/in/b.tar'),
    ('/x/pending.wav', 'PENDING', '2025-09-01 02:30:00', '/in/a.tar'), ('/x/undated.wav', 'SUCCESS', NULL, NULL);`);
  const state = open();
  expect(state.endedBetween('2025-09-01 02:00:00', '2025-09-01 03:00:00')).toEqual({ SUCCESS: 2, FAILED: 1 });
  state.close();
});

test('two stores on one file write at once and lose nothing', async () => {
  const [one, two] = [open(), open()];
  await extract(one, TAR, Object.fromEntries(Array.from({ length: 400 }, (_, i) => [`/x/${i}.wav`, `${i}`])));
  await Promise.all(Array.from({ length: 400 }, (_, i) => mark(i % 2 === 0 ? one : two, i)));
  expect(one.counts()).toMatchObject({ SUCCESS: 400, PENDING: 0 });
  one.close();
  two.close();
});

test('the pages of a list hold each row once, those without a time last, also while others change', async () => {
  open().close();
  sqlite3(`WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 299)
    INSERT INTO uploads (wav_path, status, timestamp)
      SELECT '/x/' || i || '.wav', iif(i % 3 = 0, 'FAILED', iif(i % 3 = 1, 'SUCCESS', 'PENDING')),
        iif(i % 10 = 0, NULL, '2025-09-01 00:00:0' || (i % 7)) FROM n;`);
  const state = open();
  const { rows: all } = state.list({ limit: 1000 });
  expect(all).toHaveLength(300);
  const seen: string[] = [];
  for (let after: RecordingPlace | undefined, pages = 0; pages === 0 || after !== undefined; pages += 1) {
    const page = state.list({ limit: 7, after });
    seen.push(...page.rows.map(({ path }) => path));
    after = page.next;
    // what changes now is the latest, and moves no page behind it
    if (pages % 10 === 0)
      sqlite3(
        `INSERT INTO uploads (wav_path, status, timestamp) VALUES ('/new/${pages}', 'PENDING', '2026-01-01 00:00:00')`,
      );
  }
  expect(seen).toEqual(all.map(({ path }) => path));
  state.close();
});

const names = ({ rows }: RecordingPage): readonly string[] =>
  rows.map(({ path }) => path.replace('/x/', '').replace('.wav', ''));

test('a search finds what has the part in its path or its tar’s, the newest change first, through any number of rows', async () => {
  open().close();
  // 25,000 rows of three seconds and three statuses; every 5,000th has a name of its own
  sqlite3(`WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 24999)
    INSERT INTO uploads (wav_path, status, timestamp, tar)
      SELECT '/x/' || iif(i % 5000 = 0, 'rare-', '') || i || '.wav', iif(i % 3 = 0, 'FAILED', iif(i % 3 = 1, 'SUCCESS', 'PENDING')),
        '2025-09-01 00:00:0' || (i / 10000), '/in/tar-' || (i / 12000) || '.tar' FROM n;
    INSERT INTO uploads (wav_path, status, timestamp, tar) VALUES ('/x/rare-undated.wav', 'SUCCESS', NULL, NULL),
      ('/in/rare.tar', 'FAILED', '2025-09-01 00:00:09', '/in/rare.tar');`);
  const state = open();
  const page = (query: Parameters<StateStore['search']>[0]): Promise<RecordingPage> => state.search(query);
  const found = async (query: Parameters<StateStore['search']>[0]): Promise<readonly string[]> =>
    names(await page(query));
  const all = ['rare-20000', 'rare-15000', 'rare-10000', 'rare-5000', 'rare-0', 'rare-undated'];
  expect(await found({ part: 'rare', limit: 10 })).toEqual(all);
  for (let at = 0, after: RecordingPlace | undefined; at < all.length; at += 2) {
    const two = await page({ part: 'rare', limit: 2, after });
    expect(names(two)).toEqual(all.slice(at, at + 2));
    after = two.next;
    expect(after === undefined).toBe(at + 2 === all.length);
  }
  expect(await found({ part: 'rare', status: 'FAILED', limit: 10 })).toEqual(['rare-15000', 'rare-0']);
  const ofTar = await page({ part: 'tar-2.tar', limit: 999 });
  expect(await found({ part: 'tar-2.tar', limit: 2, after: ofTar.next })).toEqual(['24000']);
  expect(await found({ part: 'nobody', limit: 10 })).toEqual([]);
  state.close();
});

test('a search is what a list has of that part, in its order, whether few have it or more than are gathered', async () => {
  open().close();
  // 120,000 rows, 50 to a second, three to a tar that has no row, every 1,000th undated, every 7th without a tar; and failed tars
  sqlite3(`WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 119999)
    INSERT INTO uploads (wav_path, status, timestamp, tar)
      SELECT '/x/' || (i * 7919 % 120000) || '.wav', iif(i % 3 = 0, 'FAILED', iif(i % 3 = 1, 'SUCCESS', 'PENDING')),
        iif(i % 1000 = 0, NULL, datetime(1756684800 + i * 31 % 2400, 'unixepoch')), iif(i % 7 = 0, NULL, '/in/t-' || (i / 3) || '.tar')
      FROM n;
    INSERT INTO uploads (wav_path, status, timestamp, tar)
      SELECT tar, 'FAILED', timestamp, tar FROM (SELECT DISTINCT tar, timestamp FROM uploads WHERE tar LIKE '/in/t-77%')
      GROUP BY tar;`);
  const state = open();
  for (const status of [undefined, 'FAILED'] as const) {
    const { rows: all } = state.list({ ...(status && { status }), limit: 200_000 });
    for (const part of ['.wav', '/in/t', '/x/11', 't-777', '7777', 't-39999.tar', '119999', '*', '%']) {
      const having = all.filter(({ path, tar }) => path.includes(part) || tar?.includes(part) === true);
      // to the end, but of those that very many rows have
      const limits = having.length > 10_000 ? [40, 1000] : [40, Math.max(40, having.length - 60), 10_000];
      let after: RecordingPlace | undefined;
      let at = 0;
      for (const limit of limits) {
        const found = await state.search({ ...(status && { status }), part, limit, after });
        expect(found.rows, `${status} ${part} ${at}`).toEqual(having.slice(at, at + limit));
        at += limit;
        after = found.next;
        expect(after === undefined, `${status} ${part} ${at}`).toBe(at >= having.length);
        if (after === undefined) break;
      }
    }
  }
  state.close();
});
