import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import Database from 'better-sqlite3';
import { ROLES } from '../src/domain/role-names.ts';
import { sqlTimestamp, systemClock, systemRandom } from '../src/platform/runtime/index.ts';
import { openSqliteLedger } from '../src/platform/state/index.ts';
import type { LedgerCatalogue } from '../src/domain/ledger.ts';
import { ratesOfLastDay } from '../src/operate/status/index.ts';
import { BIN, sleep, type Fleet } from './fleet.ts';
import { memoryBelow } from './process-tree.ts';
import { median } from './report.ts';

// What a wavspool that has stored a million recordings and has nothing to do takes for what it is asked.

const TIMES = 20;
const WORKERS = join(import.meta.dirname, '../workers');
/** `/api/status` is at most this old. */
const FRESH_MS = 1000;
const A_DAY = 1000;
const TAR = Buffer.alloc(1024); // two empty blocks: a tar that holds nothing
const SETTLED_DEADLINE_MS = 600_000;
const RESCAN_DEADLINE_MS = 120_000;

/** What of a start is timed. */
export const REDIS_ANSWERS = 'Redis answers';
export const STARTED = 'every role has started';

/** Milliseconds by name. */
export type Times = Readonly<Record<string, number>>;

/**
 * Waits until every tar has its receipt, so that nothing goes on but what is measured; for ten minutes at most. Returns how
 * long that was, and how many tars still have none.
 */
export async function settled({ settings }: Fleet): Promise<{ seconds: number; lacking: number }> {
  const db = new Database(settings.paths.state, { readonly: true });
  const count = db.prepare('SELECT count(*) FROM extracted_tars WHERE receipt_for IS NOT sha256').pluck();
  try {
    for (const beganAt = performance.now(); ; await sleep(500)) {
      const lacking = count.get() as number;
      const ms = performance.now() - beganAt;
      if (lacking === 0 || ms > SETTLED_DEADLINE_MS) return { seconds: ms / 1000, lacking };
    }
  } finally {
    db.close();
  }
}

/** Makes one recording in a hundred FAILED for good: the queries about failures would have nothing to find. */
export function failSome({ settings }: Pick<Fleet, 'settings'>): void {
  const db = new Database(settings.paths.state);
  db.prepare(
    `UPDATE uploads SET status = 'FAILED', cause = 'rejected', error_message = 'failed by the bench', retry_count = ?
     WHERE rowid % 100 = 0`,
  ).run(settings.upload.maxRetries);
  db.close();
}

/** How long the calls to the state store take that `status`, `failed` and the dashboard make: medians of 20. */
export async function queryTimes({ settings }: Pick<Fleet, 'settings'>): Promise<Times> {
  const options = { clock: systemClock, random: systemRandom, report: () => undefined };
  const { maxRetries } = settings.upload;
  const openedAt = performance.now();
  const ledger = await openSqliteLedger({ file: settings.paths.state, maxRetries, ...options });
  const openedMs = performance.now() - openedAt;
  const { tars, recordings, catalogue } = ledger;
  const calls: Record<string, () => unknown> = {
    'counts()': () => catalogue.counts(),
    'causes()': () => catalogue.causes(),
    'backlog()': () => recordings.backlog(),
    'ended(an hour ago, now)': () =>
      catalogue.ended([{ from: sqlTimestamp(Date.now() - 3_600_000), to: sqlTimestamp(Date.now() + 1000) }]),
    'ratesOfLastDay()': () => ratesOfLastDay(catalogue, Date.now()),
    'list(FAILED)': () => catalogue.list({ status: 'FAILED', limit: 21 }),
    'list()': () => catalogue.list({ limit: 101 }),
    'failures()': () => recordings.failures({}, { limit: 500 }),
    'failed()': () => tars.failed({}, { limit: 500 }),
    'openUnits()': () => recordings.openUnits({ limit: 500 }),
  };
  try {
    const times = Object.entries(calls).map(([name, call]) => [name, medianOf(call)] as const);
    return { 'opening state.db': openedMs, ...Object.fromEntries(times), ...(await searchTimes(catalogue)) };
  } finally {
    await ledger.close();
  }
}

/** A search for what one recording has: the whole, and the longest that anything else had to wait for it. Medians of 20. */
async function searchTimes(catalogue: LedgerCatalogue): Promise<Times> {
  const whole: number[] = [];
  const longest: number[] = [];
  for (let time = 0; time < TIMES; time++) {
    const startedAt = performance.now();
    let lastTurn = startedAt;
    let longestMs = 0;
    const done = new AbortController();
    const search = catalogue.search({ part: 'call-77777.wav', limit: 101 }).finally(() => done.abort());
    while (!done.signal.aborted) {
      await setImmediate();
      longestMs = Math.max(longestMs, performance.now() - lastTurn);
      lastTurn = performance.now();
    }
    await search;
    whole.push(performance.now() - startedAt);
    longest.push(longestMs);
  }
  return { 'search()': median(whole), 'search(), its longest piece': median(longest) };
}

/** How long the answers take that the overview page and Prometheus ask for: medians of 20. */
export async function requestTimes(fleet: Fleet): Promise<Times> {
  const times: Record<string, number> = {};
  const paths = ['/', '/api/status', '/metrics', '/api/uploads?status=FAILED&limit=20', '/api/tars?limit=20'];
  for (const path of [...paths, '/api/uploads?limit=100']) {
    const isKept = path === '/api/status' || path === '/metrics';
    const taken: number[] = [];
    for (let time = 0; time < TIMES; time++) {
      if (isKept) await sleep(FRESH_MS + 50);
      const askedAt = performance.now();
      await (await fleet.request(path)).text();
      taken.push(performance.now() - askedAt);
    }
    times[path] = median(taken);
  }
  return times;
}

/** From the start of `up` until its Redis answers, and until the last role has started. */
export async function startTimes(fleet: Fleet): Promise<Times> {
  const redis = await fleet.logged('embedded redis started');
  const started = (await fleet.logged('role started')).filter(({ role }) => role !== 'up');
  return {
    [REDIS_ANSWERS]: (redis[0]?.at ?? Number.NaN) - fleet.startedAt,
    [STARTED]: Math.max(...started.map(({ at }) => at)) - fleet.startedAt,
  };
}

/** The part of a start that is Node and the loading of code: `up`'s, then that of all roles at once. */
export async function loadingMs(): Promise<number> {
  const beganAt = performance.now();
  await ended([BIN, '--version']);
  // a worker refuses an option that it does not know when it has loaded everything and opened nothing
  await Promise.all(ROLES.map((role) => ended([join(WORKERS, `${role}.js`), '--only-load'])));
  return performance.now() - beganAt;
}

async function ended(command: readonly string[]): Promise<void> {
  await once(spawn(process.execPath, command, { stdio: 'ignore' }), 'close');
}

/** Puts so many tars that hold nothing into the landing directory, a thousand for each day; returns their paths. No fleet may run. */
export function placeTinyTars({ settings }: Pick<Fleet, 'settings'>, tars: number): readonly string[] {
  return Array.from({ length: tars }, (_, number) => {
    const day = join(settings.paths.incoming, `day-${Math.floor(number / A_DAY)}`);
    if (number % A_DAY === 0) mkdirSync(day);
    const path = join(day, `tiny-${number}.tar`);
    writeFileSync(path, TAR);
    return path;
  });
}

/** Writes rows for tars, as if they had been extracted. */
export function makeKnown({ settings }: Pick<Fleet, 'settings'>, tars: readonly string[]): void {
  const db = new Database(settings.paths.state);
  const add = db.prepare(
    `INSERT INTO extracted_tars (path, timestamp, size, mtime_ms, recordings, wavs) VALUES (?, ?, ?, ?, 0, 0)
     ON CONFLICT (path) DO NOTHING`,
  );
  const timestamp = sqlTimestamp(Date.now());
  db.transaction(() => {
    for (const tar of tars) add.run(tar, timestamp, TAR.length, Math.floor(statSync(tar).mtimeMs));
  })();
  db.close();
}

/** The most memory that the watcher of a fleet has taken since its start, in bytes. Throws when there is none. */
export function peakOfWatcher({ pid }: Pick<Fleet, 'pid'>): number {
  const watcher = memoryBelow(pid).find(({ name }) => name === 'control'); // the process that watches
  if (watcher === undefined) throw new Error('no watcher runs');
  return watcher.peakRssBytes;
}

/**
 * How long the first rescans of a fleet that just started took, in ms. Throws when they have not found as many tars, or take
 * over two minutes.
 */
export async function rescanTimes(
  fleet: Fleet,
  { rescans, tars }: { readonly rescans: number; readonly tars: number },
): Promise<readonly number[]> {
  const deadline = performance.now() + RESCAN_DEADLINE_MS;
  for (; performance.now() < deadline; await sleep(200)) {
    const finished = (await fleet.logged('rescan finished')).slice(0, rescans).map(({ fields }) => fields);
    if (finished.length < rescans) continue;
    const short = finished.find((fields) => Number(fields['tars']) < tars);
    if (short !== undefined) throw new Error(`a rescan found ${String(short['tars'])} tars of ${tars}`);
    return finished.map(({ ms }) => Number(ms));
  }
  throw new Error(`${rescans} rescans have not finished within two minutes`);
}

function medianOf(call: () => unknown): number {
  const taken = Array.from({ length: TIMES }, () => {
    const calledAt = performance.now();
    call();
    return performance.now() - calledAt;
  });
  return median(taken);
}
