import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { faultCode } from '../../src/domain/faults.ts';
import { systemClock, systemRandom } from '../../src/platform/runtime/index.ts';
import { openSqliteLedger } from '../../src/platform/state/index.ts';
import type { Ledger } from '../../src/domain/ledger.ts';
import { commitTar } from '../support/commit-tar.ts';

const TABLES = `CREATE TABLE extracted_tars(path TEXT PRIMARY KEY, timestamp TEXT);
  CREATE TABLE uploads(wav_path TEXT PRIMARY KEY, status TEXT, timestamp TEXT, error_message TEXT, retry_count INTEGER DEFAULT 0);`;
const AT = "'2025-09-01 02:00:00'";
/** The contract's tables, with other columns in `uploads`. */
const uploads = (columns: string, options = ''): string =>
  `CREATE TABLE extracted_tars(path TEXT PRIMARY KEY, timestamp TEXT); CREATE TABLE uploads(${columns}) ${options};`;
let directory = '';
let file = '';
let reported: { event: string; fields: unknown }[] = [];
const sqlite3 = (sql: string): string => execFileSync('sqlite3', [file, sql], { encoding: 'utf8' }).trim();
const open = (): Promise<Ledger> =>
  openSqliteLedger({
    file,
    maxRetries: 5,
    clock: systemClock,
    random: systemRandom,
    report: (event, fields) => {
      reported.push({ event, fields });
    },
  });

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'wavspool-take-over-'));
  file = join(directory, 'state.db');
  reported = [];
});
afterEach(() => rmSync(directory, { recursive: true }));

test('a state.db with the contract’s columns alone is taken over with every row kept', async () => {
  sqlite3(`${TABLES}
    INSERT INTO extracted_tars VALUES ('/in/old.tar', ${AT});
    INSERT INTO uploads VALUES ('/x/s.wav', 'SUCCESS', ${AT}, NULL, 0), ('/x/p.wav', 'PENDING', ${AT}, NULL, 0),
      ('/x/f.wav', 'FAILED', ${AT}, 'timeout', 2), ('/x/g.wav', 'FAILED', ${AT}, 'timeout', 5);`);
  await using ledger = await opened();
  expect(reported).toEqual([{ event: 'state taken over', fields: { file, tars: 1, uploads: 4 } }]);
  expect(await ledger.catalogue.counts()).toMatchObject({
    SUCCESS: 1,
    PENDING: 1,
    FAILED: 2,
    givenUp: 1,
    extractedTars: 1,
  });
  expect(await openPaths(ledger)).toEqual(['/x/p.wav', '/x/f.wav']);
  expect(sqlite3('SELECT timestamp FROM extracted_tars')).toBe('2025-09-01 02:00:00');
});

test('a tar whose row was taken over is extracted once more where it still lies: the row says of no version that it was', async () => {
  sqlite3(`${TABLES} INSERT INTO extracted_tars VALUES ('/in/old.tar', ${AT});`);
  await using ledger = await opened();
  const version = { path: '/in/old.tar', size: 7, mtimeMs: 3 };
  expect(await ledger.tars.settled([version])).toEqual(new Set());
  await commitTar(ledger, version, {});
  expect(await ledger.tars.settled([version])).toEqual(new Set(['/in/old.tar']));
  expect(await ledger.tars.settled([{ ...version, size: 8 }])).toEqual(new Set());
});

test('of a taken-over recording an audit derives the key only where its path lies below the directory of recordings', async () => {
  sqlite3(`${TABLES}
    INSERT INTO uploads VALUES ('/a', 'SUCCESS', ${AT}, NULL, 0), ('/elsewhere/2025/long name.wav', 'SUCCESS', ${AT}, NULL, 0),
      ('/é\u{1F600}/s.wav', 'SUCCESS', ${AT}, NULL, 0), ('/é\u{1F600}y.wav', 'SUCCESS', ${AT}, NULL, 0);`);
  await using ledger = await opened();
  const list = await ledger.catalogue.audit({ prefix: 'calls/', extracted: '/é\u{1F600}' });
  const keys = (await Array.fromAsync(list.inKeyOrder())).flat().map(({ path, key }) => [path, key] as const);
  await list.close();
  expect(keys.at(-1)).toEqual(['/é\u{1F600}/s.wav', 'calls/s.wav']); // those without a key come first
  expect(new Map(keys.slice(0, -1))).toEqual(
    new Map([
      ['/a', undefined],
      ['/elsewhere/2025/long name.wav', undefined],
      ['/é\u{1F600}y.wav', undefined],
    ]),
  );
});

describe('what scripts write as a status counts', () => {
  test.each([
    ["'success'", 'SUCCESS'],
    ["'Failed'", 'FAILED'],
    ["'SUCCESS '", 'SUCCESS'],
    ["' pending' || char(10)", 'PENDING'],
    ["''", 'PENDING'],
    ['NULL', 'PENDING'],
    ["'uploaded?'", 'PENDING'],
    ['7', 'PENDING'],
    ["x'00ff'", 'PENDING'],
  ])('%s is %s', async (written, status) => {
    sqlite3(`${TABLES} INSERT INTO uploads VALUES ('/x/a.wav', ${written}, ${AT}, NULL, 0);`);
    await using ledger = await opened();
    expect(await ledger.catalogue.counts()).toMatchObject({ PENDING: 0, SUCCESS: 0, FAILED: 0, [status]: 1 });
    expect(await openPaths(ledger)).toHaveLength(status === 'SUCCESS' ? 0 : 1);
    expect(reported.map(({ event }) => event)).toEqual(['state taken over', 'rows put right']);
  });
});

test.each(['NULL', "'many'", "''", '-1', '1.5'])(
  'FAILED with the retry count %s is tried again',
  async (written) => {
    sqlite3(`${TABLES} INSERT INTO uploads VALUES ('/x/a.wav', 'FAILED', ${AT}, 'timeout', ${written});`);
    await using ledger = await opened();
    expect(await openPaths(ledger)).toHaveLength(1);
    expect(await ledger.recordings.openUnitCount()).toBe(1);
    expect(await ledger.catalogue.counts()).toMatchObject({ FAILED: 1, givenUp: 0 });
  },
);

test('a row without a path stands among the failures, and keeps no other recording from going up', async () => {
  sqlite3(`${TABLES} INSERT INTO uploads VALUES (NULL, 'PENDING', ${AT}, NULL, 0), (NULL, 'FAILED', ${AT}, 'timeout', 0),
    (x'ff00', 'PENDING', ${AT}, NULL, 0), (x'2f782f622e776176', 'PENDING', ${AT}, NULL, 0), ('/x/a.wav', 'PENDING', ${AT}, NULL, 0);`);
  await using ledger = await opened();
  expect(await openPaths(ledger)).toEqual(['/x/b.wav', '/x/a.wav']);
  expect(await ledger.catalogue.counts()).toMatchObject({ PENDING: 2, FAILED: 3, givenUp: 3 });
  const failures = await ledger.recordings.failures({}, { limit: 9 });
  expect(failures.rows.map(({ row }) => [row.path.replace(/\(.*/, ''), row.errorMessage])).toEqual([
    ['row 1 of uploads has no path ', 'its wav_path was NULL'],
    ['row 2 of uploads has no path ', 'timeout; its wav_path was NULL'],
    ['row 3 of uploads has no path ', "its wav_path was X'FF00'"],
  ]);
});

test('what a script writes while wavspool runs is put right with the next rescan, by an index of what is odd', async () => {
  await using ledger = await opened();
  await ledger.normalise();
  expect(reported).toEqual([]);
  sqlite3(`INSERT INTO uploads (wav_path, status) VALUES ('/x/a.wav', 'success'), (NULL, 'PENDING');`);
  await ledger.normalise();
  expect(await ledger.catalogue.counts()).toMatchObject({ SUCCESS: 1, FAILED: 1 });
  expect(reported).toMatchObject([{ event: 'rows put right', fields: { statuses: 1, noPaths: 1 } }]);
  const plan = sqlite3(
    `EXPLAIN QUERY PLAN SELECT 1 FROM uploads WHERE ${sqlite3("SELECT substr(sql, instr(sql, 'WHERE ') + 6) FROM sqlite_master WHERE name = 'uploads_odd'")}`,
  );
  expect(plan).toContain('uploads_odd');
});

test('a time in another form is the same time, what is none is the time at which that was seen, and every list has the row', async () => {
  sqlite3(`${TABLES} INSERT INTO uploads VALUES ('/x/null.wav', 'SUCCESS', NULL, NULL, 0), ('/x/empty.wav', 'SUCCESS', '', NULL, 0),
    ('/x/yesterday.wav', 'FAILED', 'yesterday', 'timeout', 5), ('/x/zero.wav', 'SUCCESS', '0000-00-00 00:00:00', NULL, 0),
    ('/x/bytes.wav', 'SUCCESS', x'ff00', x'ff00', 0), ('/x/time.wav', 'SUCCESS', '10:00', x'c3a4', 0),
    ('/x/text.wav', 'SUCCESS', CAST('2025-03-03 10:00:00' AS BLOB), NULL, 0), ('/x/iso.wav', 'SUCCESS', '2025-03-03T12:00:00+02:00', NULL, 0),
    ('/x/epoch.wav', 'SUCCESS', 1740996000, NULL, 0), ('/x/good.wav', 'SUCCESS', '2025-03-03 10:00:00', NULL, 0);
    INSERT INTO extracted_tars VALUES ('/in/null.tar', NULL), ('/in/bytes.tar', x'ff'), ('/in/iso.tar', '2025-03-03T10:00:00Z');`);
  await using ledger = await opened();
  const { rows } = await ledger.catalogue.list({ limit: 99 });
  const at = Object.fromEntries(rows.map(({ path, timestamp }) => [path, timestamp]));
  const then = '2025-03-03 10:00:00';
  const now = at['/x/null.wav'];
  expect(now).toMatch(/^20\d\d-\d\d-\d\d \d\d:\d\d:\d\d$/);
  const known = ['text', 'iso', 'epoch', 'good'].map((name) => [`/x/${name}.wav`, then]);
  const unknown = ['null', 'empty', 'yesterday', 'zero', 'bytes', 'time'].map((name) => [
    `/x/${name}.wav`,
    now,
  ]);
  expect(at).toEqual(Object.fromEntries([...known, ...unknown]));
  const messages = Object.fromEntries(rows.map(({ path, errorMessage }) => [path, errorMessage]));
  expect(messages).toMatchObject({
    '/x/yesterday.wav': "timeout; its timestamp was 'yesterday'",
    '/x/bytes.wav': "X'FF00'; its timestamp was X'FF00'",
    '/x/time.wav': "ä; its timestamp was '10:00'",
    '/x/iso.wav': undefined,
  });
  const tars = await ledger.catalogue.browseTars({ state: 'all', limit: 9 });
  expect(tars.rows.map(({ path, timestamp }) => [path, timestamp])).toEqual(
    expect.arrayContaining([
      ['/in/null.tar', now],
      ['/in/bytes.tar', now],
      ['/in/iso.tar', then],
    ]),
  );
  expect(reported).toMatchObject([
    { event: 'state taken over' },
    { event: 'rows put right', fields: { timestamps: 4, unknownTimestamps: 8, messages: 2 } },
  ]);
});

describe('what wavspool cannot work with is refused before a byte of it is changed', () => {
  const plain = 'status TEXT, timestamp TEXT, error_message TEXT, retry_count INTEGER DEFAULT 0';
  test.each([
    [
      'an owner’s NOT NULL column',
      uploads(`wav_path TEXT PRIMARY KEY, ${plain}, operator TEXT NOT NULL`),
      /operator/,
    ],
    [
      'WITHOUT ROWID',
      uploads(`wav_path TEXT PRIMARY KEY, ${plain}`, 'WITHOUT ROWID'),
      /uploads is WITHOUT ROWID/,
    ],
    [
      'WITHOUT ROWID in the tars’ table alone',
      TABLES.replace('timestamp TEXT);', 'timestamp TEXT) WITHOUT ROWID;'),
      /extracted_tars is WITHOUT ROWID/,
    ],
    [
      'a view in the place of a table',
      'CREATE TABLE all_of_them(path TEXT, timestamp TEXT); CREATE VIEW extracted_tars AS SELECT * FROM all_of_them;',
      /extracted_tars is a view/,
    ],
    [
      'a primary key of its own, and paths that need not differ',
      uploads(`id INTEGER PRIMARY KEY, wav_path TEXT, ${plain}`),
      /ON CONFLICT/,
    ],
    [
      'a check that knows no PENDING',
      uploads(`wav_path TEXT PRIMARY KEY, ${plain}, CHECK (status IN ('SUCCESS', 'FAILED'))`),
      /CHECK/,
    ],
    ['paths without case', uploads(`wav_path TEXT PRIMARY KEY COLLATE NOCASE, ${plain}`), /different paths/],
    [
      'a trigger that refuses rows',
      `${TABLES} CREATE TRIGGER t BEFORE INSERT ON uploads BEGIN SELECT RAISE(ABORT, 'ask the owner'); END;`,
      /ask the owner/,
    ],
    [
      'NOT NULL in the tars’ table',
      TABLES.replace('timestamp TEXT);', 'timestamp TEXT, host TEXT NOT NULL);'),
      /host/,
    ],
    ['a version number of another program', `${TABLES} PRAGMA user_version = 6;`, /numbered its schema 6/],
    [
      'a version number beyond every wavspool’s',
      `${TABLES} PRAGMA user_version = 20250901;`,
      /numbered its schema/,
    ],
    [
      'a table without its key',
      'CREATE TABLE uploads(path TEXT); CREATE TABLE extracted_tars(path TEXT);',
      /no column wav_path/,
    ],
    ['another program’s database', 'CREATE TABLE users(name TEXT);', /the tables users/],
  ])('%s', async (_, sql, reason) => {
    sqlite3(sql);
    const before = createHash('sha256').update(readFileSync(file)).digest('hex');
    let fault: unknown;
    try {
      await (await open()).close();
    } catch (error) {
      fault = error;
    }
    expect(String(fault)).toMatch(reason);
    expect(faultCode(fault)).toBe('STATE_FOREIGN');
    expect(createHash('sha256').update(readFileSync(file)).digest('hex')).toBe(before);
    expect(readdirSync(directory)).toEqual(['state.db']);
  });

  test.each([
    [
      'columns of the owner’s that may be empty',
      uploads(`wav_path VARCHAR(500) PRIMARY KEY, ${plain}, note TEXT`),
    ],
    ['an id beside a unique path', uploads(`id INTEGER PRIMARY KEY, wav_path TEXT UNIQUE, ${plain}`)],
    ['a table of the owner’s beside them', `${TABLES} CREATE TABLE notes(text TEXT);`],
    ['one table alone', 'CREATE TABLE extracted_tars(path TEXT PRIMARY KEY, timestamp TEXT);'],
    ['letters of another case', TABLES.replaceAll('wav_path', 'WAV_PATH').replace('uploads', 'Uploads')],
    ['WAL', `PRAGMA journal_mode = WAL; ${TABLES}`],
  ])('but this is taken over: %s', async (_, sql) => {
    sqlite3(sql);
    await using ledger = await opened();
    expect(await ledger.catalogue.counts()).toMatchObject({ SUCCESS: 0 });
  });
});

async function opened(): Promise<Ledger & AsyncDisposable> {
  const ledger = await open();
  return { ...ledger, [Symbol.asyncDispose]: () => ledger.close() };
}

async function openPaths({ recordings }: Ledger): Promise<readonly string[]> {
  const { rows } = await recordings.openUnits({ limit: 10 });
  return rows.flatMap(({ paths }) => paths);
}
