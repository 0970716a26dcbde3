import { join } from 'node:path';
import { DIED, REMEMBERED_RUNS, type Run, type RunLog, type Trigger } from '../../domain/run-log.ts';
import { isoTime, makeDirectory, parseTime } from '../runtime/index.ts';
import { openDatabase, type Sqlite } from '../sqlite/index.ts';

interface RunRow {
  readonly job: string;
  readonly by: Trigger;
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

/** Opens the runs of a host's jobs, of each the last `remembered`: `jobs.db` in its data directory. Throws STATE_UNUSABLE. */
export async function openRunLog(dataDirectory: string, remembered = REMEMBERED_RUNS): Promise<RunLog> {
  await makeDirectory(dataDirectory);
  const db = openDatabase(join(dataDirectory, 'jobs.db'));
  db.pragma('busy_timeout = 5000'); // a few short writes a minute: waiting for one is not noticed
  db.exec(SCHEMA);
  return { ...schedules(db), ...runs(db, remembered), close: () => db.close() };
}

function schedules(db: Sqlite): Pick<RunLog, 'knownSince' | 'lastDue' | 'disown'> {
  const know = db.prepare(
    `INSERT INTO schedules (job, since) VALUES (?, ?)
     ON CONFLICT (job) DO UPDATE SET since = excluded.since WHERE excluded.since < since`,
  );
  const since = db.prepare('SELECT since FROM schedules WHERE job = ?').pluck();
  const lastDue = db.prepare(
    `SELECT due, outcome, started_at, (SELECT count(*) FROM runs AS same WHERE same.job = runs.job AND same.due = runs.due) AS attempts
     FROM runs WHERE job = ? AND due IS NOT NULL AND started_at <= ? ORDER BY id DESC LIMIT 1`,
  );
  const fromFuture = 'job = ? AND due IS NOT NULL AND started_at > ?';
  const future = db.prepare(
    `SELECT count(*) AS runs, max(started_at) AS until FROM runs WHERE ${fromFuture}`,
  );
  const disown = db.prepare(`UPDATE runs SET due = NULL WHERE ${fromFuture}`);
  return {
    knownSince: async (job, wall) => {
      know.run(job, wall);
      return since.get(job) as string;
    },
    lastDue: async (job, until) => {
      const row = lastDue.get(job, isoTime(until)) as
        | (Pick<RunRow, 'outcome' | 'started_at'> & { due: string; attempts: number })
        | undefined;
      if (row === undefined) return undefined;
      const { due, outcome, attempts, started_at } = row;
      return { due, outcome, attempts, startedAt: parseTime(started_at) };
    },
    disown: async (job, after) => {
      const found = future.get(job, isoTime(after)) as { runs: number; until: string | null };
      if (found.until === null) return undefined;
      disown.run(job, isoTime(after));
      return { runs: found.runs, until: parseTime(found.until) };
    },
  };
}

function runs(db: Sqlite, remembered: number): Pick<RunLog, 'begin' | 'end' | 'last' | 'lastDone' | 'since'> {
  const lost = db.prepare(
    `UPDATE runs SET outcome = 'failed', reason = '${DIED}' WHERE job = ? AND outcome = 'running'`,
  );
  const insert = db.prepare(
    "INSERT INTO runs (job, by, due, started_at, outcome) VALUES (@job, @by, @due, @startedAt, 'running')",
  );
  const forget = db.prepare(
    `DELETE FROM runs WHERE job = @job AND id <= (SELECT id FROM runs WHERE job = @job ORDER BY id DESC LIMIT 1 OFFSET ${remembered})`,
  );
  const end = db.prepare(
    'UPDATE runs SET ended_at = @endedAt, outcome = @outcome, reason = @reason, result = @result WHERE id = @id',
  );
  const last = db.prepare('SELECT * FROM runs WHERE job = ? ORDER BY id DESC LIMIT 1');
  const done = db.prepare(
    "SELECT * FROM runs WHERE job = ? AND outcome = 'done' AND started_at <= ? ORDER BY id DESC LIMIT 1",
  );
  const since = db.prepare('SELECT * FROM runs WHERE started_at >= ? ORDER BY started_at DESC LIMIT ?');
  const begin = db.transaction((run: { job: string; by: Trigger; due: string | null; startedAt: string }) => {
    lost.run(run.job);
    const { lastInsertRowid } = insert.run(run);
    forget.run({ job: run.job });
    return Number(lastInsertRowid);
  });
  return {
    begin: async ({ job, by, due, startedAt }) =>
      begin.immediate({ job, by, due: due ?? null, startedAt: isoTime(startedAt) }),
    end: async (id, { endedAt, ...fields }) => {
      end.run({ id, endedAt: isoTime(endedAt), ...fields });
    },
    last: async (job) => asRun(last.get(job) as RunRow | undefined),
    lastDone: async (job, until) => asRun(done.get(job, isoTime(until)) as RunRow | undefined),
    since: async (from, limit) =>
      (since.all(isoTime(from), limit) as RunRow[]).flatMap((row) => asRun(row) ?? []),
  };
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
