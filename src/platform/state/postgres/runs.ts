import { randomUUID } from 'node:crypto';
import { DIED, REMEMBERED_RUNS, type DueRun, type Run, type RunLog } from '../../../domain/run-log.ts';
import type { Database } from './database.ts';
import { transactionUnder, underTenure } from './leases.ts';
import { statement } from './statement.ts';

const NOW = statement('SELECT extract(epoch FROM clock_timestamp()) * 1000 AS now');
const KNOW = statement(
  `INSERT INTO schedules (site, host, job, since) VALUES ($1, $2, $3, $4)
   ON CONFLICT (site, host, job) DO UPDATE SET since = least(schedules.since, excluded.since) RETURNING since`,
);
const KNOWN = statement(
  'SELECT since FROM schedules WHERE site = $1 AND host = $2 AND job = $3 AND since <= $4',
);
/** A time of the caller's, ms since 1970. */
const at = (value: string): string => `to_timestamp(${value}::float8 / 1000)`;
const OF_JOB = 'site = $1 AND host = $2 AND job = $3';
const LAST_DUE = statement(
  `SELECT due, outcome, ${ms('started_at')} AS "startedAt",
     (SELECT count(*) FROM runs same WHERE same.site = $1 AND same.host = $2 AND same.job = $3 AND same.due = runs.due) AS attempts
   FROM runs WHERE ${OF_JOB} AND due IS NOT NULL AND started_at <= ${at('$4')} ORDER BY id DESC LIMIT 1`,
);
const DISOWN = statement(
  `UPDATE runs SET due = NULL WHERE ${OF_JOB} AND due IS NOT NULL AND started_at > ${at('$4')} RETURNING ${ms('started_at')} AS "startedAt"`,
);
const DEAD = statement(
  `UPDATE runs SET outcome = 'failed', reason = '${DIED}' WHERE ${OF_JOB} AND outcome = 'running'`,
);
const BEGUN = statement(`SELECT id FROM runs WHERE ${OF_JOB} AND outcome = 'running' AND token = $4`);
const BEGIN = statement(
  `INSERT INTO runs (site, host, job, by, due, started_at, outcome, term, token) VALUES ($1, $2, $3, $4, $5, ${at('$6')}, 'running', $7, $8)
   RETURNING id`,
);
const FORGET = statement(
  `DELETE FROM runs WHERE ${OF_JOB} AND id <= (SELECT id FROM runs WHERE ${OF_JOB} ORDER BY id DESC LIMIT 1 OFFSET $4)`,
);
// a host forgets its own by number; one that is gone forgets nothing
const FORGET_GONE = statement(
  `DELETE FROM runs WHERE site = $1 AND host <> $2 AND host <> '' AND started_at < clock_timestamp() - interval '400 days'`,
);
const END = statement(
  `UPDATE runs SET ended_at = ${at('$3')}, outcome = $4, reason = $5, result = $6 WHERE site = $1 AND id = $2 AND outcome = 'running'`,
);
const RUN = `job, by, outcome, ${ms('started_at')} AS started_at, ${ms('ended_at')} AS ended_at, reason, result`;
const LAST = statement(`SELECT ${RUN} FROM runs WHERE ${OF_JOB} ORDER BY id DESC LIMIT 1`);
const LAST_DONE = statement(
  `SELECT ${RUN} FROM runs WHERE ${OF_JOB} AND outcome = 'done' AND started_at <= ${at('$4')} ORDER BY id DESC LIMIT 1`,
);
const SINCE = statement(
  `SELECT ${RUN} FROM runs WHERE site = $1 AND host = $2 AND started_at >= ${at('$3')} ORDER BY started_at DESC LIMIT $4`,
);

function ms(column: string): string {
  return `round(extract(epoch FROM ${column}) * 1000)::bigint`;
}

interface RunRecord {
  readonly job: string;
  readonly by: Run['by'];
  readonly outcome: Run['outcome'];
  readonly started_at: number;
  readonly ended_at: number | null;
  readonly reason: string | null;
  readonly result: string | null;
}

/** The runs of a host's jobs, by its id, or of the site's, where `host` is empty; of each job the last `remembered`. */
export function runsOf(db: Database, site: string, host: string, remembered = REMEMBERED_RUNS): RunLog {
  const { query } = db;
  const first = async <T>(text: Parameters<typeof query>[0], ...values: unknown[]): Promise<T | undefined> =>
    (await query<T>(text, [site, host, ...values])).rows[0];
  return {
    now: async () => Math.round((await query<{ now: number }>(NOW, [])).rows[0]?.now ?? Number.NaN),
    knownSince: async (job, wall) => {
      const known =
        (await first<{ since: string }>(KNOWN, job, wall)) ??
        (await first<{ since: string }>(KNOW, job, wall));
      return known?.since ?? wall;
    },
    lastDue: (job, until) => first<DueRun>(LAST_DUE, job, until),
    disown: async (job, after) => {
      const { rows } = await query<{ startedAt: number }>(DISOWN, [site, host, job, after]);
      if (rows.length === 0) return undefined;
      return { runs: rows.length, until: Math.max(...rows.map(({ startedAt }) => startedAt)) };
    },
    begin: async ({ job, by, due, startedAt }, tenure) => {
      const token = randomUUID(); // the transaction may be repeated after it was done
      return transactionUnder(db, site, tenure, async (within) => {
        const before = (await within<{ id: number }>(BEGUN, [site, host, job, token])).rows[0];
        if (before !== undefined) return before.id;
        await within(DEAD, [site, host, job]);
        const begun = [site, host, job, by, due ?? null, startedAt, tenure?.term ?? null, token];
        const [row] = (await within<{ id: number }>(BEGIN, begun)).rows;
        await within(FORGET, [site, host, job, remembered]);
        await within(FORGET_GONE, [site, host]);
        return row?.id ?? Number.NaN;
      });
    },
    end: async (id, { endedAt, outcome, reason, result }, tenure) => {
      await underTenure(db, site, tenure, (within) =>
        within(END, [site, id, endedAt, outcome, reason, result]),
      );
    },
    last: async (job) => asRun(await first<RunRecord>(LAST, job)),
    lastDone: async (job, until) => asRun(await first<RunRecord>(LAST_DONE, job, until)),
    since: async (from, limit) =>
      (await query<RunRecord>(SINCE, [site, host, from, limit])).rows.flatMap((row) => asRun(row) ?? []),
    close: () => undefined, // the ledger's own
  };
}

function asRun(record: RunRecord | undefined): Run | undefined {
  if (record === undefined) return undefined;
  const { job, by, outcome, started_at, ended_at, reason, result } = record;
  return {
    job,
    by,
    outcome,
    startedAt: started_at,
    ...(ended_at !== null && { endedAt: ended_at }),
    ...(reason !== null && { reason }),
    ...(result !== null && { result: JSON.parse(result) as Readonly<Record<string, unknown>> }),
  };
}
