import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { faultCode } from '../../src/domain/faults.ts';
import type { Tenure } from '../../src/domain/lease.ts';
import type { Ledger, SharedWork } from '../../src/domain/ledger.ts';
import { pauseRecord } from '../../src/operate/pause/pause-record.ts';
import type { Settings } from '../../src/platform/config/index.ts';
import { openRunLog } from '../../src/platform/jobs/run-log.ts';
import { systemClock, systemRandom } from '../../src/platform/runtime/index.ts';
import { migratePostgres, openPostgresLedger } from '../../src/platform/state/index.ts';
import { historyMethods } from '../../src/platform/state/postgres/history.ts';
import { connectLedger } from '../../src/platform/state/postgres/open.ts';
import { runsOf } from '../../src/platform/state/postgres/runs.ts';
import { commitTar } from '../support/commit-tar.ts';
import { until } from '../support/ports.ts';
import { startPostgres, type PostgresServers } from '../support/postgres.ts';
import { exerciseHistory } from './exercise-history.ts';
import { exerciseRunLog } from './exercise-run-log.ts';
import { TAR } from './ledger-subject.ts';

// What hosts share in a ledger on PostgreSQL beside the rows.

const LONG_MS = 60_000;
let directory: string;
let servers: PostgresServers;
let ledger: Ledger;
let shared: SharedWork;
let site = 0;

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'wavspool-shared-'));
  servers = await startPostgres();
  await migratePostgres({ address: servers.address, clock: systemClock, random: systemRandom });
});
afterAll(async () => {
  await ledger.close();
  await servers[Symbol.asyncDispose]();
  rmSync(directory, { recursive: true });
});
beforeEach(async () => {
  await (ledger as Ledger | undefined)?.close();
  site += 1;
  ledger = await openPostgresLedger({
    address: servers.address,
    site: `site-${site}`,
    store: 'bucket',
    maxRetries: 5,
    clock: systemClock,
    random: systemRandom,
  });
  if (ledger.shared === undefined) throw new Error('it shares nothing');
  ({ shared } = ledger);
});

async function taken(holder: string, termMs = LONG_MS): Promise<Tenure> {
  const tenure = await shared.leases.take('work', holder, termMs);
  if (tenure === undefined) throw new Error(`${holder} did not get it`);
  return tenure;
}

test('of many that want a lease at once one gets it; its holder may ask again', async () => {
  const holders = Array.from({ length: 8 }, (_, at) => `h${at}`);
  const got = await Promise.all(holders.map((holder) => shared.leases.take('work', holder, LONG_MS)));
  const winner = got.find((tenure) => tenure !== undefined);
  expect(got.filter((tenure) => tenure !== undefined)).toHaveLength(1);
  expect(await taken(winner?.holder ?? '')).toEqual(winner);
});

test('a lease that was given back, or has run out, is taken with a higher term, and is lost to the holder before', async () => {
  const first = await taken('a');
  await shared.leases.release(first);
  const second = await taken('b', 50);
  let third: Tenure | undefined;
  await until('it has run out', async () => {
    third = await shared.leases.take('work', 'c', LONG_MS);
    return third !== undefined;
  });
  expect([first.term, second.term, third?.term]).toEqual([1, 2, 3]);
  expect(await shared.leases.renew(second, LONG_MS)).toBe(false);
  await shared.leases.release(second); // too late: it changes nothing
  expect(await shared.leases.renew(third!, LONG_MS)).toBe(true);
  expect(await shared.leases.requireHeld(second).catch(faultCode)).toBe('LEASE_LOST');
  await shared.leases.requireHeld(third!);
});

test('a lease is a site’s own', async () => {
  await taken('a');
  await servers.primary.sql(`UPDATE leases SET site = 'elsewhere' WHERE site = 'site-${site}'`);
  expect(await taken('b')).toMatchObject({ term: 1 });
});

test('what was begun under a lease that another has by now is not made final', async () => {
  const intent = { seq: 1, previous: null, key: '1.json', sha256: 'r1', tarSha256: 'f' };
  await commitTar(ledger, TAR, {});
  const late = await taken('late');
  expect(await shared.receipts(late).begin(TAR.path, intent)).toBe(true);
  const log = shared.runs('site');
  const run = { job: 'receipts', by: 'schedule', due: '2026-11-28T12:00', startedAt: 0 } as const;
  const id = await log.begin(run, late);
  await shared.leases.release(late);
  const next = await taken('next');
  const ended = { endedAt: 1, outcome: 'done', reason: null, result: '{}' } as const;
  const lost = await Promise.all(
    [
      shared.receipts(late).begin(TAR.path, intent),
      shared.receipts(late).confirm(TAR.path, intent),
      shared.receipts(late).withdraw(TAR.path),
      shared.receipts(late).markCleaned(TAR.path, 'incoming'),
      log.begin(run, late),
      log.end(id, ended, late),
    ].map((done) => done.then(() => 'done', faultCode)),
  );
  expect(lost).toEqual(Array.from({ length: 6 }, () => 'LEASE_LOST'));
  expect(await ledger.receipts.pending()).toMatchObject({ intent });
  expect(await log.last('receipts')).toMatchObject({ outcome: 'running' });

  await shared.receipts(next).confirm(TAR.path, intent);
  await log.end(await log.begin(run, next), ended, next);
  expect(await ledger.receipts.head()).toMatchObject({ seq: 1 });
  expect(await log.last('receipts')).toMatchObject({ outcome: 'done' });
});

test('a lease that has run out is not taken while something is being made final under it', async () => {
  const late = await taken('late', 1);
  const { port } = servers.primary;
  const client = new pg.Client({ host: '127.0.0.1', port, user: 'wavspool', database: 'wavspool' });
  await client.connect();
  try {
    await client.query('BEGIN'); // as a transaction under the tenure does
    await client.query(`SELECT 1 FROM leases WHERE site = 'site-${site}' FOR SHARE`);
    let isTaken = false;
    const taking = taken('next').finally(() => (isTaken = true));
    await until('it waits', async () => {
      const waiting = await servers.primary.sql(
        "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock'",
      );
      return waiting.length === 1;
    });
    expect(isTaken).toBe(false);
    await client.query('COMMIT');
    expect((await taking).term).toBe(late.term + 1);
  } finally {
    await client.end();
  }
});

test('the runs of one host are not another’s, nor the site’s', async () => {
  const run = { job: 'rotate', by: 'schedule', due: '2026-11-28T12:00', startedAt: 0 } as const;
  await shared.runs({ host: 'a' }).begin(run, undefined);
  expect(await shared.runs({ host: 'a' }).lastDue('rotate', 1)).toBeDefined();
  expect(await shared.runs({ host: 'b' }).lastDue('rotate', 1)).toBeUndefined();
  expect(await shared.runs('site').lastDue('rotate', 1)).toBeUndefined();
});

test('the ledger has a clock of its own', async () => {
  expect(Math.abs(((await shared.runs('site').now?.()) ?? 0) - Date.now())).toBeLessThan(LONG_MS);
});

test('a pause has its end by the clock of the ledger, and one that is taken over gives way to one that is there', async () => {
  const { pauses } = shared;
  await pauses.set(['extract', 'upload'], 'it moves', undefined);
  await pauses.set(['upload'], 'a minute', 1);
  const old = { since: '2020-01-01T00:00:00.000Z', until: null };
  await pauses.adopt({ what: 'extract', reason: 'before', ...old });
  await pauses.adopt({ what: 'maintenance', reason: 'before', ...old });
  const iso = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/) as string;
  await until('its time is over', async () => (await pauses.read()).some(({ isOver }) => isOver));
  expect(await pauses.read()).toEqual([
    { what: 'extract', reason: 'it moves', since: iso, until: null, isOver: false },
    { what: 'maintenance', reason: 'before', ...old, isOver: false },
    { what: 'upload', reason: 'a minute', since: iso, until: iso, isOver: true },
  ]);
  expect(await pauses.remove(['upload', 'maintenance'])).toHaveLength(2);
  expect(await pauses.remove(['upload'])).toEqual([]);
});

test('a pause of the time before the ledger is taken over once, and holds on the host while the ledger is away', async () => {
  const data = join(directory, `data-${site}`);
  mkdirSync(data);
  const pause = { reason: 'before', since: '2020-01-01T00:00:00.000Z', until: null };
  writeFileSync(join(data, 'pauses.json'), JSON.stringify({ upload: pause }));
  let isAway = false;
  const away = { code: 'LEDGER_AWAY', message: 'it is away', since: 0 } as const;
  const book = pauseRecord({
    settings: { site: 'pair', paths: { data } } as Settings,
    ledger: { shared, trouble: () => (isAway ? away : undefined) },
    clock: systemClock,
  });
  expect(await book.renew()).toEqual({ pauses: { upload: pause }, over: [] });
  isAway = true;
  expect(await book.renew()).toEqual({ pauses: { upload: pause }, over: [] });
  isAway = false;
  await book.remove(['upload']);
  expect(await book.renew()).toEqual({ pauses: {}, over: [] });
  isAway = true;
  expect(await book.read()).toEqual({ pauses: {}, over: [] });
});

exerciseHistory('the history of a site, in a ledger on PostgreSQL', () => shared.history('host'));

test('hosts note what was into one history, each from its own log, and its figures are counted once', async () => {
  const [one, two] = [shared.history('one'), shared.history('two')];
  const event = {
    id: '1-a',
    level: 'info',
    event: 'role started',
    role: 'watch',
    by: undefined,
    about: undefined,
  };
  await one.noteEvents([{ ...event, at: 1, fields: { on: 'one' } }]);
  await two.noteEvents([{ ...event, at: 2, fields: { on: 'two' } }]);
  expect((await one.events({ limit: 9 })).map(({ fields }) => fields)).toEqual([
    { on: 'two' },
    { on: 'one' },
  ]);
  await two.noteEvents([{ ...event, id: '2-a', at: 3, fields: {} }]);
  expect([await one.lastEventId(), await two.lastEventId()]).toEqual(['1-a', '2-a']);
  const minute = { at: 0, uploaded: 5, failed: 0, bytes: 50, backlog: 1, oldestSeconds: 0 };
  await one.noteMinutes([{ ...minute, freeBytes: 100 }]);
  await two.noteMinutes([{ ...minute, uploaded: 4, freeBytes: 7 }]); // it looked a moment earlier
  expect(await one.bins(0, 60_000, 60_000)).toMatchObject([{ uploaded: 5, bytes: 50 }]);
  expect(await one.freeBytesSince(0)).toEqual([{ at: 0, freeBytes: 100 }]);
});

test('of the events the oldest go when they are too many bytes together', async () => {
  const opened = { address: servers.address, clock: systemClock, random: systemRandom };
  const db = connectLedger(opened, 'test');
  const history = historyMethods(db, `site-${site}`, 'host', 5000);
  const events = Array.from({ length: 100 }, (_, at) => ({
    id: String(at),
    at,
    level: 'info',
    event: 'role started',
    role: 'watch',
    by: undefined,
    about: undefined,
    fields: {},
  }));
  await history.noteEvents(events);
  await history.prune(0);
  const left = await history.events({ limit: 200 });
  expect(left.length * 122).toBeLessThanOrEqual(5000);
  expect(left.length * 122).toBeGreaterThan(4000);
  expect(left[0]?.at).toBe(99);
  await db.close();
});

let logs = 0;
exerciseRunLog('runs in a file', (remembered) => {
  logs += 1;
  return openRunLog(join(directory, String(logs)), remembered);
});
exerciseRunLog('runs in a ledger on PostgreSQL', (remembered) => {
  const opened = { address: servers.address, clock: systemClock, random: systemRandom };
  const db = connectLedger(opened, 'test');
  const log = runsOf(db, `site-${site}`, 'h', remembered);
  return Promise.resolve({ ...log, close: () => void db.close() });
});
