import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Cursor, Ledger, PageOf } from '../../src/domain/ledger.ts';
import type { RecordingRow } from '../../src/domain/recording.ts';
import type { TarVersion } from '../../src/domain/tar.ts';
import { everyPage } from '../../src/platform/paging/index.ts';
import { systemClock, systemRandom } from '../../src/platform/runtime/index.ts';
import { openSqliteLedger } from '../../src/platform/state/index.ts';
import { commitTar } from '../support/commit-tar.ts';
import { exerciseLedger } from './exercise-ledger.ts';

const TAR: TarVersion = { path: '/in/a.tar', size: 10, mtimeMs: 1000 };
let directory = '';
let file = '';
let reported: string[] = [];
const openFile = (path: string): Promise<Ledger> =>
  openSqliteLedger({
    file: path,
    maxRetries: 5,
    clock: systemClock,
    random: systemRandom,
    report: (event) => {
      reported.push(event);
    },
  });
const open = (): Promise<Ledger> => openFile(file);
const sqlite3 = (sql: string): string => execFileSync('sqlite3', [file, sql], { encoding: 'utf8' }).trim();
const makeEmpty = async (): Promise<void> => (await open()).close();

exerciseLedger('the ledger on SQLite', async () => {
  const own = mkdtempSync(join(tmpdir(), 'wavspool-ledger-'));
  return {
    open: () => openFile(join(own, 'state.db')),
    [Symbol.asyncDispose]: async () => rmSync(own, { recursive: true }),
  };
});

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'wavspool-state-'));
  file = join(directory, 'state.db');
  reported = [];
});
afterEach(() => rmSync(directory, { recursive: true }));

test('open recordings come page by page in the order of their rows, whatever their status', async () => {
  await makeEmpty();
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
  const ledger = await open();
  const pages = await Array.fromAsync(everyPage((after) => ledger.recordings.openUnits({ after, limit: 2 })));
  const found = pages.flat().flatMap(({ paths }) => paths);
  expect(found).toEqual([0, 2, 3, 5, 6, 8].map((i) => `/x/${i}.wav`));
  await ledger.close();
});

test('a state.db of the version before is brought up to date with every row kept, and is not a take-over', async () => {
  const before = await open();
  await commitTar(before, TAR, { '/x/a.wav': 'a' });
  await before.close();
  const schema = 'SELECT sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY name';
  const current = sqlite3(schema);
  sqlite3(
    'DROP INDEX uploads_odd; DROP INDEX tars_odd; DROP INDEX uploads_open_rows; DROP INDEX uploads_failures; ALTER TABLE uploads DROP COLUMN batch; ALTER TABLE uploads DROP COLUMN source_tar; ALTER TABLE uploads DROP COLUMN source_offset; PRAGMA user_version = 4',
  );
  reported = [];
  const ledger = await open();
  expect(reported).toEqual([]);
  expect((await ledger.recordings.openUnits({ limit: 10 })).rows).toMatchObject([{ paths: ['/x/a.wav'] }]);
  await ledger.close();
  expect(sqlite3(`PRAGMA user_version; ${schema}`)).toBe(`9\n${current}`);
});

test('a newer schema is refused with its number, and left as it is', async () => {
  await makeEmpty();
  sqlite3('PRAGMA user_version = 99');
  const before = sqlite3('.schema');
  await expect(open()).rejects.toThrow(/schema version 99/);
  expect(sqlite3('PRAGMA user_version')).toBe('99');
  expect(sqlite3('.schema')).toBe(before);
});

test('a file that is no database is refused by name', async () => {
  writeFileSync(file, 'this is a text and no database, long enough to be read as a header'.repeat(20));
  await expect(open()).rejects.toThrow(file);
});

test('P9: the database, its -wal and its -shm are for this user alone, and there are exactly two tables', async () => {
  const ledger = await open();
  await commitTar(ledger, TAR, { '/x/a.wav': 'a' });
  for (const suffix of ['', '-wal', '-shm'])
    expect(statSync(`${file}${suffix}`).mode & 0o777, suffix).toBe(0o600);
  expect(sqlite3("SELECT group_concat(name) FROM sqlite_master WHERE type = 'table'")).toBe(
    'extracted_tars,uploads',
  );
  await ledger.close();
});

test('100,000 recordings of one tar are one commit', async () => {
  const ledger = await open();
  const recordings = Object.fromEntries(
    Array.from({ length: 100_000 }, (_, i) => [`/x/${i}.wav`, `sha-${i}`]),
  );
  await commitTar(ledger, TAR, recordings);
  expect((await ledger.catalogue.counts()).PENDING).toBe(100_000);
  expect(await ledger.tars.get(TAR.path)).toMatchObject({ recordings: 100_000, bytes: 500_000, skipped: 1 });
  await ledger.close();
});

test('what ended within a time: from its first second on, before its last, and recordings alone', async () => {
  await makeEmpty();
  sqlite3(`INSERT INTO uploads (wav_path, status, timestamp, tar) VALUES
    ('/x/before.wav', 'SUCCESS', '2025-09-01 01:59:59', NULL), ('/x/first.wav', 'SUCCESS', '2025-09-01 02:00:00', '/in/a.tar'),
    ('/x/last.wav', 'SUCCESS', '2025-09-01 02:59:59', NULL), ('/x/after.wav', 'SUCCESS', '2025-09-01 03:00:00', NULL),
    ('/x/failed.wav', 'FAILED', '2025-09-01 02:30:00', '/in/a.tar'), ('/in/b.tar', 'FAILED', '2025-09-01 02:30:00', '/in/b.tar'),
    ('/x/pending.wav', 'PENDING', '2025-09-01 02:30:00', '/in/a.tar'), ('/x/undated.wav', 'SUCCESS', NULL, NULL);`);
  const ledger = await open();
  const span = { from: '2025-09-01 02:00:00', to: '2025-09-01 03:00:00' };
  expect(await ledger.catalogue.ended([span])).toEqual([{ SUCCESS: 2, FAILED: 1 }]);
  await ledger.close();
});

test('the pages of a list hold each row once, those without a time last, also while others change', async () => {
  const ledger = await open();
  sqlite3(`WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 299)
    INSERT INTO uploads (wav_path, status, timestamp)
      SELECT '/x/' || i || '.wav', iif(i % 3 = 0, 'FAILED', iif(i % 3 = 1, 'SUCCESS', 'PENDING')),
        iif(i % 10 = 0, NULL, '2025-09-01 00:00:0' || (i % 7)) FROM n;`);
  const { rows: all } = await ledger.catalogue.list({ limit: 1000 });
  expect(all).toHaveLength(300);
  const seen: string[] = [];
  for (let after: Cursor | undefined, pages = 0; pages === 0 || after !== undefined; pages += 1) {
    const page: PageOf<RecordingRow> = await ledger.catalogue.list({ limit: 7, after });
    seen.push(...page.rows.map(({ path }) => path));
    after = page.next;
    // what changes now is the latest, and moves no page behind it
    if (pages % 10 === 0)
      sqlite3(
        `INSERT INTO uploads (wav_path, status, timestamp) VALUES ('/new/${pages}', 'PENDING', '2026-01-01 00:00:00')`,
      );
  }
  expect(seen).toEqual(all.map(({ path }) => path));
  await ledger.close();
});

const names = ({ rows }: PageOf<RecordingRow>): readonly string[] =>
  rows.map(({ path }) => path.replace('/x/', '').replace('.wav', ''));

test('a search finds what has the part in its path or its tar’s, the newest change first, through any number of rows', async () => {
  const ledger = await open();
  // 25,000 rows of three seconds and three statuses; every 5,000th has a name of its own
  sqlite3(`WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 24999)
    INSERT INTO uploads (wav_path, status, timestamp, tar)
      SELECT '/x/' || iif(i % 5000 = 0, 'rare-', '') || i || '.wav', iif(i % 3 = 0, 'FAILED', iif(i % 3 = 1, 'SUCCESS', 'PENDING')),
        '2025-09-01 00:00:0' || (i / 10000), '/in/tar-' || (i / 12000) || '.tar' FROM n;
    INSERT INTO uploads (wav_path, status, timestamp, tar) VALUES ('/x/rare-undated.wav', 'SUCCESS', NULL, NULL),
      ('/in/rare.tar', 'FAILED', '2025-09-01 00:00:09', '/in/rare.tar');`);
  const page = (query: Parameters<Ledger['catalogue']['search']>[0]): Promise<PageOf<RecordingRow>> =>
    ledger.catalogue.search(query);
  const found = async (query: Parameters<Ledger['catalogue']['search']>[0]): Promise<readonly string[]> =>
    names(await page(query));
  const all = ['rare-20000', 'rare-15000', 'rare-10000', 'rare-5000', 'rare-0', 'rare-undated'];
  expect(await found({ part: 'rare', limit: 10 })).toEqual(all);
  for (let at = 0, after: Cursor | undefined; at < all.length; at += 2) {
    const two = await page({ part: 'rare', limit: 2, after });
    expect(names(two)).toEqual(all.slice(at, at + 2));
    after = two.next;
    expect(after === undefined).toBe(at + 2 === all.length);
  }
  expect(await found({ part: 'rare', status: 'FAILED', limit: 10 })).toEqual(['rare-15000', 'rare-0']);
  const ofTar = await page({ part: 'tar-2.tar', limit: 999 });
  expect(await found({ part: 'tar-2.tar', limit: 2, after: ofTar.next })).toEqual(['24000']);
  expect(await found({ part: 'nobody', limit: 10 })).toEqual([]);
  await ledger.close();
});

test('a search is what a list has of that part, in its order, whether few have it or more than are gathered', async () => {
  const ledger = await open();
  // 120,000 rows, 50 to a second, three to a tar that has no row, every 1,000th undated, every 7th without a tar; and failed tars
  sqlite3(`WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 119999)
    INSERT INTO uploads (wav_path, status, timestamp, tar)
      SELECT '/x/' || (i * 7919 % 120000) || '.wav', iif(i % 3 = 0, 'FAILED', iif(i % 3 = 1, 'SUCCESS', 'PENDING')),
        iif(i % 1000 = 0, NULL, datetime(1756684800 + i * 31 % 2400, 'unixepoch')), iif(i % 7 = 0, NULL, '/in/t-' || (i / 3) || '.tar')
      FROM n;
    INSERT INTO uploads (wav_path, status, timestamp, tar)
      SELECT tar, 'FAILED', timestamp, tar FROM (SELECT DISTINCT tar, timestamp FROM uploads WHERE tar LIKE '/in/t-77%')
      GROUP BY tar;`);
  for (const status of [undefined, 'FAILED'] as const) {
    const { rows: all } = await ledger.catalogue.list({ ...(status && { status }), limit: 200_000 });
    for (const part of ['.wav', '/in/t', '/x/11', 't-777', '7777', 't-39999.tar', '119999', '*', '%']) {
      const having = all.filter(({ path, tar }) => path.includes(part) || tar?.includes(part) === true);
      // to the end, but of those that very many rows have
      const limits = having.length > 10_000 ? [40, 1000] : [40, Math.max(40, having.length - 60), 10_000];
      let after: Cursor | undefined;
      let at = 0;
      for (const limit of limits) {
        const found: PageOf<RecordingRow> = await ledger.catalogue.search({
          ...(status && { status }),
          part,
          limit,
          after,
        });
        expect(found.rows, `${status} ${part} ${at}`).toEqual(having.slice(at, at + limit));
        at += limit;
        after = found.next;
        expect(after === undefined, `${status} ${part} ${at}`).toBe(at >= having.length);
        if (after === undefined) break;
      }
    }
  }
  await ledger.close();
});
