import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { faultCode } from '../../src/domain/faults.ts';
import { systemClock, systemRandom } from '../../src/platform/runtime/index.ts';
import {
  copySite,
  examinePostgres,
  migratePostgres,
  openPostgresLedger,
  openSqliteLedger,
  postgresSiteRows,
  sqliteSiteRows,
  type SiteRows,
} from '../../src/platform/state/index.ts';
import { LEDGER_SCHEMA } from '../../src/platform/state/postgres/schema.ts';
import { commitTar } from '../support/commit-tar.ts';
import { startPostgres, type PostgresServers } from '../support/postgres.ts';
import { exerciseLedger } from './exercise-ledger.ts';
import { answer, TAR } from './ledger-subject.ts';

let servers: PostgresServers;
beforeAll(async () => {
  servers = await startPostgres();
  await migratePostgres({ address: servers.address, clock: systemClock, random: systemRandom });
});
afterAll(() => servers[Symbol.asyncDispose]());

const optionsOf = (site: string, store = site) => ({
  address: servers.address,
  site,
  store,
  maxRetries: 5,
  clock: systemClock,
  random: systemRandom,
});

let stores = 0;
exerciseLedger('the ledger on PostgreSQL', () => {
  stores += 1;
  const name = `site-${stores}`;
  return Promise.resolve({
    open: () => openPostgresLedger(optionsOf(name)),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  });
});

test('of a recording that another program has uploaded, an audit derives the key only below the directory of recordings', async () => {
  const ledger = await openPostgresLedger(optionsOf('taken-over'));
  const paths = ['/a', '/elsewhere/2025/long name.wav', '/é\u{1F600}/s.wav', '/é\u{1F600}y.wav'];
  await servers.primary.sql(
    `INSERT INTO uploads (site, wav_path, status, timestamp, retry_count)
     SELECT 'taken-over', path, 'SUCCESS', '2025-09-01 02:00:00', 0 FROM unnest(ARRAY['${paths.join("','")}']) AS p (path)`,
  );
  const list = await ledger.catalogue.audit({ prefix: 'calls/', extracted: '/é\u{1F600}' });
  const keys = (await Array.fromAsync(list.inKeyOrder())).flat().map(({ path, key }) => [path, key] as const);
  await list.close();
  await ledger.close();
  expect(keys.at(-1)).toEqual(['/é\u{1F600}/s.wav', 'calls/s.wav']); // those without a key come first
  expect(new Map(keys.slice(0, -1))).toEqual(
    new Map([
      ['/a', undefined],
      ['/elsewhere/2025/long name.wav', undefined],
      ['/é\u{1F600}y.wav', undefined],
    ]),
  );
});

const keysOf = ({ path }: { path: string }, sha256: string): readonly string[] => [
  path.slice(3),
  `${sha256}/${path.slice(3)}`,
];

test('P5: sites that share a bucket get distinct keys before anything is put there, and the next one where one is taken', async () => {
  const one = await openPostgresLedger({ ...optionsOf('one', 'bucket'), keysOf });
  const two = await openPostgresLedger({ ...optionsOf('two', 'bucket'), keysOf });
  const names = Array.from({ length: 50 }, (_, i) => `/x/${i}.wav`);
  const [first, second] = ['f', 's'].map((by) =>
    Object.fromEntries(names.map((path) => [path, `${by}-${path.slice(3)}`])),
  );
  await Promise.all([commitTar(one, TAR, first ?? {}), commitTar(two, TAR, second ?? {})]);
  const keys = [...(await one.recordings.many(names)), ...(await two.recordings.many(names))].map(
    ({ key }) => key,
  );
  expect(keys).not.toContain(undefined);
  expect(new Set(keys).size).toBe(100);
  // a row that has none set down, as one that was copied from a file: the ledger refuses what another has, and that row alone
  const taken = await one.recordings
    .stored('/x/0.wav', { ...answer('/x/0.wav'), key: keys[51] ?? '' })
    .catch(faultCode);
  expect(taken).toBe('KEY_TAKEN');
  const group = ['/x/1.wav', '/x/2.wav', '/x/3.wav'].map((path, i) =>
    one.recordings
      .stored(path, { ...answer(path), key: i === 1 ? (keys[60] ?? '') : `own ${path}` })
      .then(() => 'stored', faultCode),
  );
  expect(await Promise.all(group)).toEqual(['stored', 'KEY_TAKEN', 'stored']);
  for (const ledger of [one, two]) await ledger.close();
});

const intent = (seq: number, sha256: string) => ({
  seq,
  previous: null,
  key: `${seq}.json`,
  sha256,
  tarSha256: 'f',
});

test('a receipt’s writer that wakes late can neither begin a place of the chain that is taken nor undo what came after', async () => {
  const ledger = await openPostgresLedger(optionsOf('late'));
  for (const path of ['/in/a.tar', '/in/b.tar']) await commitTar(ledger, { ...TAR, path }, {});
  await ledger.receipts.begin('/in/a.tar', intent(1, 'r1'));
  await ledger.receipts.confirm('/in/a.tar', intent(1, 'r1'));
  expect(await ledger.receipts.begin('/in/b.tar', intent(1, 'late'))).toBe(false);
  await ledger.receipts.begin('/in/b.tar', intent(2, 'r2'));
  await ledger.receipts.confirm('/in/a.tar', intent(1, 'late'));
  await ledger.receipts.confirm('/in/b.tar', intent(2, 'r2'));
  expect(await ledger.receipts.head()).toMatchObject({ seq: 2, sha256: 'r2' });
  expect((await ledger.tars.get('/in/a.tar'))?.receipts).toMatchObject([{ sha256: 'r1' }]);
  await ledger.close();
});

test('the runs of a host that is gone are forgotten after a year and a month, those of the others stay', async () => {
  const ledger = await openPostgresLedger(optionsOf('hosts'));
  const runsOn = (host: string) => ledger.shared?.runs({ host });
  const begun = { job: 'snapshot', by: 'schedule', due: undefined, startedAt: Date.now() } as const;
  for (const host of ['gone', 'quiet', 'here']) await runsOn(host)?.begin(begun, undefined);
  const age = (host: string, days: number) =>
    servers.primary.sql(
      `UPDATE runs SET started_at = now() - interval '${days} days' WHERE site = 'hosts' AND host = '${host}'`,
    );
  await Promise.all([age('gone', 401), age('quiet', 399), age('here', 401)]);
  await runsOn('here')?.begin(begun, undefined);
  const left = await servers.primary.sql<{ host: string }>(
    "SELECT host FROM runs WHERE site = 'hosts' ORDER BY host",
  );
  expect(left.map(({ host }) => host)).toEqual(['here', 'here', 'quiet']);
  await ledger.close();
});

test('what no text of PostgreSQL or no index can hold: a NUL, a name of any length', async () => {
  const ledger = await openPostgresLedger(optionsOf('odd'));
  const member = `../${randomBytes(4000).toString('hex')}`;
  await ledger.tars.commit(TAR, {
    recordings: [],
    refused: [
      { path: `${TAR.path}#${member}`, member, reason: 'it is long' },
      { path: `${TAR.path}#a\0b`, member: 'a\0b', reason: 'it has a \0 in it' },
    ],
    summary: { sha256: 'f', skipped: 0, refused: 2, recordings: 0, bytes: 0, batchSize: 1 },
  });
  expect(await ledger.catalogue.counts()).toMatchObject({ FAILED: 2, givenUp: 2 });
  const long = commitTar(
    ledger,
    { ...TAR, path: '/in/b.tar' },
    { [`/x/${randomBytes(1400).toString('hex')}`]: 'a' },
  );
  expect(await long.catch(faultCode)).toBe('FILE_UNREADABLE');
  await ledger.close();
});

test('figures follow whatever changes rows, also after they were summed up', async () => {
  const ledger = await openPostgresLedger(optionsOf('figures'));
  await commitTar(
    ledger,
    TAR,
    Object.fromEntries(Array.from({ length: 9 }, (_, i) => [`/x/${i}.wav`, `${i}`])),
  );
  await ledger.normalise();
  await servers.primary.sql("DELETE FROM uploads WHERE site = 'figures' AND wav_path = '/x/0.wav'");
  await servers.primary.sql(
    "UPDATE uploads SET status = 'SUCCESS' WHERE site = 'figures' AND wav_path < '/x/3.wav'",
  );
  await ledger.normalise();
  expect(await ledger.catalogue.counts()).toMatchObject({
    PENDING: 6,
    SUCCESS: 2,
    pendingBytes: 30,
    extractedTars: 1,
  });
  expect(await ledger.recordings.backlog()).toEqual({ recordings: 6, bytes: 30 });
  const [counted] = await servers.primary.sql<object>(
    "SELECT count(*)::int AS rows FROM recording_counts WHERE site = 'figures'",
  );
  expect(counted).toEqual({ rows: 1 });
  await ledger.close();
});

test('a ledger without tables is refused with the command that makes them; a newer one by its number', async () => {
  await servers.primary.sql('CREATE DATABASE empty');
  const address = { ...servers.address, database: 'empty' };
  const open = (): Promise<unknown> => openPostgresLedger({ ...optionsOf('none'), address });
  expect(await open().catch(faultCode)).toBe('LEDGER_SCHEMA');
  const migrated = await Promise.all(
    [1, 2, 3].map(() => migratePostgres({ address, clock: systemClock, random: systemRandom })),
  );
  expect(migrated.map(({ before }) => before).toSorted((a, b) => a - b)).toEqual([
    0,
    LEDGER_SCHEMA,
    LEDGER_SCHEMA,
  ]);
  const client = new pg.Client({
    host: '127.0.0.1',
    port: servers.primary.port,
    user: 'wavspool',
    database: 'empty',
  });
  await client.connect();
  const migrate = (): Promise<unknown> =>
    migratePostgres({ address, clock: systemClock, random: systemRandom });
  await client.query('UPDATE wavspool_schema SET oldest_program = 1');
  await migrate(); // made before this program shut out older ones: from now on it does
  const { rows } = await client.query<{ oldest: number }>(
    'SELECT oldest_program AS oldest FROM wavspool_schema',
  );
  expect(rows[0]?.oldest).toBeGreaterThan(1);
  await client.query('UPDATE wavspool_schema SET schema = 99, oldest_program = 98');
  await migrate(); // an older program's takes nothing back
  await client.end();
  await expect(open()).rejects.toThrow(/schema 99/);
});

test('doctor reads what a ledger is set to, and what its user may not do', async () => {
  const ask = (over: object = {}) =>
    examinePostgres({ address: { ...servers.address, ...over }, clock: systemClock, random: systemRandom });
  expect(await ask()).toMatchObject({
    schema: LEDGER_SCHEMA,
    wantedSchema: LEDGER_SCHEMA,
    standbys: [],
    lacking: [],
    settings: {
      fsync: 'off',
      full_page_writes: 'on',
      synchronous_commit: 'on',
      synchronous_standby_names: '',
    },
  });
  expect(Math.abs((await ask()).aheadMs)).toBeLessThan(2000);
  await servers.primary.sql(
    'CREATE ROLE looker LOGIN; GRANT SELECT ON ALL TABLES IN SCHEMA public TO looker',
  );
  expect((await ask({ user: 'looker' })).lacking).toEqual(['INSERT', 'UPDATE', 'DELETE']);
  expect(await ask({ database: 'postgres' })).toMatchObject({ schema: undefined });
});

const copy = async (from: () => SiteRows | Promise<SiteRows>, to: () => SiteRows | Promise<SiteRows>) => {
  const [source, target] = [await from(), await to()];
  try {
    return await copySite(source, target);
  } finally {
    await source.close();
    await target.close();
  }
};

test('a site is copied from a file and back, row for row, again where it is repeated, and not while it is in use', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'wavspool-copy-'));
  const file = join(directory, 'state.db');
  const sqlite = await openSqliteLedger({ ...optionsOf('moved'), file, report: () => undefined });
  const names = Array.from({ length: 3000 }, (_, i) => `/x/${i}.wav`);
  await commitTar(sqlite, TAR, Object.fromEntries(names.map((path) => [path, path])), { batchSize: 4 });
  await sqlite.recordings.stored('/x/1.wav', answer('/x/1.wav'));
  await sqlite.recordings.failed('/x/2.wav', { cause: 'network', message: 'no', retryCount: 5 });
  await sqlite.tars.fail({ ...TAR, path: '/in/b.tar' }, { cause: 'corrupt', message: 'no', retryCount: 5 });
  const figures = await sqlite.catalogue.counts();
  await sqlite.close();
  const there = (): Promise<SiteRows> => postgresSiteRows(optionsOf('moved'));
  const first = await copy(() => sqliteSiteRows(file), there);
  expect(first).toMatchObject({ tars: 1, recordings: 3001 });
  expect(await copy(() => sqliteSiteRows(file), there)).toEqual(first);
  const ledger = await openPostgresLedger(optionsOf('moved'));
  expect(await ledger.catalogue.counts()).toEqual(figures);
  expect(await copy(() => sqliteSiteRows(file), there).catch(faultCode)).toBe('ALREADY_RUNNING');
  await ledger.close();
  const back = join(directory, 'back.db');
  expect((await copy(there, () => sqliteSiteRows(back))).sha256).toBe(first.sha256);
  await servers.primary.sql("UPDATE uploads SET sha256 = 'x' WHERE site = 'moved' AND wav_path = '/x/7.wav'");
  await servers.primary.sql(
    "INSERT INTO uploads (site, wav_path, status) VALUES ('moved', '/x/none.wav', 'PENDING')",
  );
  await expect(copy(() => sqliteSiteRows(file), there)).rejects.toThrow(/not the same/);
  rmSync(directory, { recursive: true });
});

test('a copy leaves no column out', async () => {
  const { TABLES } = await import('../../src/platform/state/copy/site-rows.ts');
  for (const [table, columns] of Object.entries(TABLES)) {
    const found = await servers.primary.sql<{ name: string }>(
      `SELECT column_name AS name FROM information_schema.columns WHERE table_name = '${table}'`,
    );
    const own = new Set(['site', 'store', 'rowid']);
    const names = found.map(({ name }) => name).filter((name) => !own.has(name));
    expect(names.toSorted((a, b) => a.localeCompare(b))).toEqual(
      columns.toSorted((a, b) => a.localeCompare(b)),
    );
  }
});
