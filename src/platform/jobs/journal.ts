import { join } from 'node:path';
import { isoTime, makeDirectory, parseTime } from '../runtime/index.ts';
import { openDatabase, type Sqlite } from '../sqlite/index.ts';
import { CLOCK_SLACK_MS, wallClock, type Past } from './due.ts';

/** Who asked for a run. */
export type Trigger = 'schedule' | 'event' | 'hand';

/** One run of a job, as it is remembered. */
export interface Run {
  readonly job: string;
  readonly by: Trigger;
  /** ms since 1970. */
  readonly startedAt: number;
  readonly endedAt?: number;
  readonly outcome: 'running' | 'done' | 'failed';
  /** Why it failed. */
  readonly reason?: string;
  /** What it did, ready for JSON. */
  readonly result?: Readonly<Record<string, unknown>>;
}

/**
 * What was run when, and how it ended: `jobs.db` in the data directory. Redis may forget every schedule (P2), this does not.
 */
export interface Journal {
  /**
   * What is known of a job at `now`, ms since 1970; the first time, it notes that its schedule is known from then on. Runs that
   * began in the future are none, and a schedule that is known from the future on is known from now on: the clock was ahead.
   */
  past(job: string, now: number, timezone: string): Past;
  /**
   * Takes their due times from the runs of a job that began in the future, so that they stand for nothing when the clock comes
   * there again. Returns how many there were, and when the last of them began, ms since 1970. Safe to repeat.
   */
  disownFuture(job: string, now: number): { readonly runs: number; readonly until: number } | undefined;
  /**
   * A run begins; one that is still noted as running has died. Returns what to end it with. That a quiet one has begun is known in
   * this process only, until it is ended here.
   */
  begin(run: NewRun): Begun;
  /** The last run of a job, and the last that was done and did not begin in the future of `now`, ms since 1970. */
  last(job: string, now: number): { readonly run: Run | undefined; readonly good: Run | undefined };
  /** Every run that began since then (ms since 1970), the newest first, at most so many. */
  runsSince(since: number, limit: number): readonly Run[];
  close(): void;
}

export interface NewRun {
  readonly job: string;
  readonly by: Trigger;
  readonly due: string | undefined;
  readonly startedAt: number;
  /** It comes every few seconds, and mostly finds nothing to do: a row for each would be all that the journal holds. */
  readonly isQuiet?: boolean;
}

export interface Begun {
  done(endedAt: number, result: object): void;
  failed(endedAt: number, reason: string): void;
}

interface RunRow {
  readonly job: string;
  readonly by: Trigger;
  readonly due: string | null;
  readonly started_at: string;
  readonly ended_at: string | null;
  readonly outcome: Run['outcome'];
  readonly reason: string | null;
  readonly result: string | null;
}

const SCHEMA = `
  CREATE TABLE IF NOT EXISTS schedules (job TEXT PRIMARY KEY, since TEXT NOT NULL);
  CREATE TABLE IF NOT EXISTS runs (
    id INTEGER PRIMARY KEY, job TEXT NOT NULL, by TEXT NOT NULL, due TEXT, started_at TEXT NOT NULL, ended_at TEXT,
    outcome TEXT NOT NULL, reason TEXT, result TEXT);
  CREATE INDEX IF NOT EXISTS runs_of_job ON runs (job, id);
`;
/** So many runs of each job are remembered. */
const REMEMBERED = 1000;
const DIED = 'its process ended before it did';

/** Opens the journal in the data directory. Throws STATE_UNUSABLE. */
export async function openJournal(dataDirectory: string): Promise<Journal> {
  await makeDirectory(dataDirectory);
  const db = openDatabase(join(dataDirectory, 'jobs.db'));
  db.pragma('busy_timeout = 5000'); // a few short writes a minute: waiting for one blocks nobody noticeably
  db.exec(SCHEMA);
  return journalOn(db);
}

function journalOn(db: Sqlite): Journal {
  const know = db.prepare(
    `INSERT INTO schedules (job, since) VALUES (?, ?)
     ON CONFLICT (job) DO UPDATE SET since = excluded.since WHERE excluded.since < since`,
  );
  const since = db.prepare('SELECT since FROM schedules WHERE job = ?').pluck();
  const lastDue = db.prepare(
    `SELECT due, outcome, started_at, (SELECT count(*) FROM runs AS same WHERE same.job = runs.job AND same.due = runs.due) AS attempts
     FROM runs WHERE job = ? AND due IS NOT NULL AND started_at <= ? ORDER BY id DESC LIMIT 1`,
  );
  const lost = db.prepare(
    `UPDATE runs SET outcome = 'failed', reason = '${DIED}' WHERE job = ? AND outcome = 'running'`,
  );
  const insert = db.prepare(
    "INSERT INTO runs (job, by, due, started_at, outcome) VALUES (@job, @by, @due, @startedAt, 'running')",
  );
  const forget = db.prepare(
    `DELETE FROM runs WHERE job = @job AND id <= (SELECT id FROM runs WHERE job = @job ORDER BY id DESC LIMIT 1 OFFSET ${REMEMBERED})`,
  );
  const end = db.prepare(
    'UPDATE runs SET ended_at = @endedAt, outcome = @outcome, reason = @reason, result = @result WHERE id = @id',
  );
  const last = db.prepare('SELECT * FROM runs WHERE job = ? ORDER BY id DESC LIMIT 1');
  const good = db.prepare(
    "SELECT * FROM runs WHERE job = ? AND outcome = 'done' AND started_at <= ? ORDER BY id DESC LIMIT 1",
  );
  const runsSince = db.prepare('SELECT * FROM runs WHERE started_at >= ? ORDER BY started_at DESC LIMIT ?');
  const fromFuture = 'job = ? AND due IS NOT NULL AND started_at > ?';
  const future = db.prepare(
    `SELECT count(*) AS runs, max(started_at) AS until FROM runs WHERE ${fromFuture}`,
  );
  const disown = db.prepare(`UPDATE runs SET due = NULL WHERE ${fromFuture}`);
  const begin = db.transaction((run: { job: string; by: Trigger; due: string | null; startedAt: string }) => {
    lost.run(run.job);
    const { lastInsertRowid } = insert.run(run);
    forget.run({ job: run.job });
    return lastInsertRowid;
  });

  const quiet = new Map<string, NewRun>();
  const note = ({ job, by, due, startedAt }: NewRun): number | bigint =>
    begin.immediate({ job, by, due: due ?? null, startedAt: isoTime(startedAt) });

  return {
    past: (job, now, timezone) => {
      know.run(job, wallClock(now, timezone));
      const known = { since: since.get(job) as string };
      const row = lastDue.get(job, believedUntil(now)) as
        | (Pick<RunRow, 'outcome' | 'started_at'> & { due: string; attempts: number })
        | undefined;
      const last = row && { ...row, startedAt: parseTime(row.started_at) };
      const unnoted = lastOf(quiet.get(job), now);
      if (unnoted !== undefined && unnoted.startedAt > (last?.startedAt ?? 0))
        return { ...known, last: unnoted };
      if (last === undefined) return known;
      const { due, outcome, attempts, startedAt } = last;
      return { ...known, last: { due, outcome, attempts, startedAt } };
    },
    disownFuture: (job, now) => {
      const found = future.get(job, believedUntil(now)) as { runs: number; until: string | null };
      if (found.until === null) return undefined;
      disown.run(job, believedUntil(now));
      return { runs: found.runs, until: parseTime(found.until) };
    },
    begin: (run) => {
      const isQuiet = run.isQuiet ?? false;
      if (isQuiet) quiet.set(run.job, run);
      const noted = isQuiet ? undefined : note(run);
      const finish = (endedAt: number, fields: Pick<RunRow, 'outcome' | 'reason' | 'result'>): void => {
        end.run({ id: noted ?? note(run), endedAt: isoTime(endedAt), ...fields });
      };
      return {
        done: (endedAt, result) =>
          finish(endedAt, { outcome: 'done', reason: null, result: JSON.stringify(result) }),
        failed: (endedAt, reason) => finish(endedAt, { outcome: 'failed', reason, result: null }),
      };
    },
    last: (job, now) => ({
      run: asRun(last.get(job) as RunRow | undefined),
      good: asRun(good.get(job, believedUntil(now)) as RunRow | undefined),
    }),
    runsSince: (since, limit) =>
      (runsSince.all(isoTime(since), limit) as RunRow[]).flatMap((row) => asRun(row) ?? []),
    close: () => {
      db.close();
    },
  };
}

/** A quiet run as the last one that is known; undefined where it began in the future, for the clock was ahead then. */
function lastOf(run: NewRun | undefined, now: number): Past['last'] {
  if (run?.due === undefined || run.startedAt > now + CLOCK_SLACK_MS) return undefined;
  return { due: run.due, outcome: 'done', attempts: 1, startedAt: run.startedAt };
}

/** The latest beginning that is believed at `now`; times of the journal compare as text. */
function believedUntil(now: number): string {
  return isoTime(now + CLOCK_SLACK_MS);
}

function asRun(row: RunRow | undefined): Run | undefined {
  if (row === undefined) return undefined;
  const { job, by, outcome, started_at, ended_at, reason, result } = row;
  return {
    job,
    by,
    outcome,
    startedAt: parseTime(started_at),
    ...(ended_at !== null && { endedAt: parseTime(ended_at) }),
    ...(reason !== null && { reason }),
    ...(result !== null && { result: JSON.parse(result) as Readonly<Record<string, unknown>> }),
  };
}
