import { WavspoolError } from '../../../domain/faults.ts';
import { statement, type Query } from './statement.ts';

/** The schema that this program writes and reads. */
export const LEDGER_SCHEMA = 4;

/**
 * Each step makes the schema of its number out of the one before. Columns are only added, and what an older program needs stays for
 * one release, so that old and new programs run side by side.
 */
const STEPS: readonly string[] = [
  `
CREATE TABLE extracted_tars (
  site text COLLATE "C" NOT NULL, path text COLLATE "C" NOT NULL, timestamp text COLLATE "C" NOT NULL DEFAULT '',
  size bigint, mtime_ms bigint, sha256 text, recordings bigint, bytes bigint, skipped bigint, refused bigint, shared text, wavs bigint,
  receipt_for text, receipt_seq bigint, receipts text, receipt_intent text, extracted_removed_at text, incoming_removed_at text,
  PRIMARY KEY (site, path));
CREATE INDEX tars_by_time ON extracted_tars (site, timestamp, path);
CREATE INDEX tars_without_receipt ON extracted_tars (site, path) WHERE receipt_for IS DISTINCT FROM sha256;
CREATE INDEX tars_receipt_seq ON extracted_tars (site, receipt_seq) WHERE receipt_seq IS NOT NULL;
CREATE UNIQUE INDEX tars_receipt_intent ON extracted_tars (site) WHERE receipt_intent IS NOT NULL;
CREATE INDEX tars_not_cleaned ON extracted_tars (site, path)
  WHERE extracted_removed_at IS NULL OR incoming_removed_at IS NULL;

CREATE TABLE uploads (
  site text COLLATE "C" NOT NULL, wav_path text COLLATE "C" NOT NULL,
  status text COLLATE "C" NOT NULL CHECK (status IN ('PENDING', 'SUCCESS', 'FAILED')),
  timestamp text COLLATE "C" NOT NULL DEFAULT '', error_message text, retry_count bigint NOT NULL DEFAULT 0 CHECK (retry_count >= 0),
  cause text, tar text COLLATE "C", member text, size bigint, sha256 text, store text COLLATE "C", key text COLLATE "C", etag text,
  version_id text, duration_ms bigint, codec text, sample_rate bigint, channels bigint, wav_valid smallint, tar_mtime_ms bigint,
  batch bigint, rowid bigint GENERATED ALWAYS AS IDENTITY, PRIMARY KEY (site, wav_path)) WITH (fillfactor = 85);
CREATE UNIQUE INDEX uploads_key ON uploads (store, key) WHERE key IS NOT NULL;
CREATE INDEX uploads_tar ON uploads (site, tar, rowid);
CREATE INDEX uploads_failed_tars ON uploads (site, wav_path) WHERE wav_path = tar;
CREATE INDEX uploads_units ON uploads
  (site, (coalesce(tar, '')), (coalesce(tar_mtime_ms, 0)), (coalesce(batch, -1)), rowid) WHERE status <> 'SUCCESS';
CREATE INDEX uploads_open ON uploads (site, status, timestamp, rowid) WHERE status <> 'SUCCESS';
CREATE INDEX uploads_failed ON uploads (site, rowid) WHERE status = 'FAILED';
CREATE INDEX uploads_done ON uploads (site, timestamp, rowid) WHERE status = 'SUCCESS';

CREATE TABLE recording_counts (
  site text COLLATE "C" NOT NULL, pending bigint NOT NULL DEFAULT 0, pending_bytes bigint NOT NULL DEFAULT 0,
  success bigint NOT NULL DEFAULT 0, failed bigint NOT NULL DEFAULT 0, failed_tars bigint NOT NULL DEFAULT 0,
  tars bigint NOT NULL DEFAULT 0);
CREATE INDEX recording_counts_site ON recording_counts (site);
${counting('uploads', ['pending', 'pending_bytes', 'success', 'failed', 'failed_tars'], {
  pending: "count(*) FILTER (WHERE status = 'PENDING')",
  pending_bytes: "coalesce(sum(size) FILTER (WHERE status = 'PENDING'), 0)::bigint",
  success: "count(*) FILTER (WHERE status = 'SUCCESS')",
  failed: "count(*) FILTER (WHERE status = 'FAILED' AND (tar IS NULL OR tar <> wav_path))",
  failed_tars: 'count(*) FILTER (WHERE tar = wav_path)',
})}
${counting('extracted_tars', ['tars'], { tars: 'count(*)' })}

CREATE TABLE schedules (
  site text COLLATE "C" NOT NULL, job text COLLATE "C" NOT NULL, since text NOT NULL, PRIMARY KEY (site, job));
CREATE TABLE runs (
  site text COLLATE "C" NOT NULL, id bigint GENERATED ALWAYS AS IDENTITY, job text COLLATE "C" NOT NULL, by text NOT NULL,
  due text COLLATE "C", started_at text COLLATE "C" NOT NULL, ended_at text, outcome text NOT NULL, reason text, result text, term bigint,
  PRIMARY KEY (site, id));
CREATE INDEX runs_of_job ON runs (site, job, id);
CREATE INDEX runs_by_time ON runs (site, started_at);
CREATE TABLE pauses (
  site text COLLATE "C" NOT NULL, what text NOT NULL, pause jsonb NOT NULL, PRIMARY KEY (site, what));
CREATE TABLE leases (
  site text COLLATE "C" NOT NULL, name text COLLATE "C" NOT NULL, holder text NOT NULL, term bigint NOT NULL, expires timestamptz NOT NULL,
  PRIMARY KEY (site, name));
`,
  'ALTER TABLE uploads ADD COLUMN source_tar text COLLATE "C", ADD COLUMN source_offset bigint',
  // the former two were never written to: no program needs them as they were
  `
DROP TABLE schedules, runs;
CREATE TABLE schedules (
  site text COLLATE "C" NOT NULL, host text COLLATE "C" NOT NULL, job text COLLATE "C" NOT NULL, since text COLLATE "C" NOT NULL,
  PRIMARY KEY (site, host, job));
CREATE TABLE runs (
  site text COLLATE "C" NOT NULL, id bigint GENERATED ALWAYS AS IDENTITY, host text COLLATE "C" NOT NULL, job text COLLATE "C" NOT NULL,
  by text NOT NULL, due text COLLATE "C", started_at timestamptz NOT NULL, ended_at timestamptz, outcome text NOT NULL, reason text,
  result text, term bigint, token text NOT NULL, PRIMARY KEY (site, id));
CREATE INDEX runs_of_job ON runs (site, host, job, id);
CREATE INDEX runs_by_time ON runs (site, started_at);
`,
  `
CREATE TABLE minutes (
  site text COLLATE "C" NOT NULL, at bigint NOT NULL, host text COLLATE "C" NOT NULL, uploaded bigint NOT NULL, failed bigint NOT NULL,
  bytes bigint NOT NULL, backlog bigint, oldest_seconds bigint, free_bytes bigint, PRIMARY KEY (site, host, at));
CREATE INDEX minutes_by_time ON minutes (site, at);
CREATE TABLE events (
  site text COLLATE "C" NOT NULL, seq bigint GENERATED ALWAYS AS IDENTITY, host text COLLATE "C" NOT NULL, id text COLLATE "C" NOT NULL,
  at bigint NOT NULL, level text NOT NULL, event text NOT NULL, role text NOT NULL, by text, about text COLLATE "C", fields text NOT NULL,
  PRIMARY KEY (site, seq));
CREATE UNIQUE INDEX events_once ON events (site, host, id);
CREATE INDEX events_of_host ON events (site, host, seq);
CREATE INDEX events_about ON events (site, about, seq) WHERE about IS NOT NULL;
CREATE INDEX events_by ON events (site, seq) WHERE by IS NOT NULL;
`,
];

/**
 * Rows of `recording_counts` that say by how much the figures of a site changed, one for each statement that changes them. They are only
 * added, so that two writers never wait for each other, and are summed up when they are read and now and then.
 */
function counting(table: string, columns: readonly string[], of: Readonly<Record<string, string>>): string {
  const figures = columns.map((column) => `${of[column]} AS ${column}`).join(', ');
  const list = columns.join(', ');
  const sums = columns.map((column) => `sum(${column})`).join(', ');
  const minus = columns.map((column) => `-${column}`).join(', ');
  const added = `SELECT site, ${figures} FROM added GROUP BY site`;
  const removed = `SELECT site, ${figures} FROM removed GROUP BY site`;
  const body: Readonly<Record<string, string>> = {
    insert: added,
    delete: `SELECT site, ${minus} FROM (${removed}) AS gone`,
    update: `SELECT site, ${sums} FROM (${added} UNION ALL SELECT site, ${minus} FROM (${removed}) AS gone) AS both_of_them GROUP BY site
      HAVING ${columns.map((column) => `sum(${column}) <> 0`).join(' OR ')}`,
  };
  const tables: Readonly<Record<string, string>> = {
    insert: 'NEW TABLE AS added',
    delete: 'OLD TABLE AS removed',
    update: 'OLD TABLE AS removed NEW TABLE AS added',
  };
  return Object.entries(body)
    .map(
      ([event, select]) => `
CREATE FUNCTION count_${event}_of_${table}() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $count$
BEGIN
  INSERT INTO recording_counts (site, ${list}) ${select};
  RETURN NULL;
END $count$;
CREATE TRIGGER count_${event} AFTER ${event} ON ${table} REFERENCING ${tables[event]}
  FOR EACH STATEMENT EXECUTE FUNCTION count_${event}_of_${table}();`,
    )
    .join('\n');
}

const VERSIONS = `CREATE TABLE IF NOT EXISTS wavspool_schema (
  one boolean PRIMARY KEY DEFAULT true CHECK (one), schema int NOT NULL, oldest_program int NOT NULL)`;
/**
 * The oldest LEDGER_SCHEMA whose programs can work with what this program makes. Those before 3 look below `extracted` for recordings that
 * lie in their tars, and would give them up as missing.
 */
const OLDEST_PROGRAM = 3;

const VERSION_OF_SERVER = statement("SELECT current_setting('server_version_num')::int AS version");
const HAS_VERSIONS = statement("SELECT to_regclass('wavspool_schema') IS NOT NULL AS has");
const VERSION = statement('SELECT schema, oldest_program AS "oldestProgram" FROM wavspool_schema');
const OLDEST_SERVER = 130_000;

/** What of the ledger's schema stands. */
export interface FoundSchema {
  readonly schema: number;
  readonly oldestProgram: number;
}

/** The schema that stands; undefined where there is none. Throws LEDGER_SCHEMA for a server that is too old. */
export async function foundSchema(query: Query): Promise<FoundSchema | undefined> {
  const [server] = (await query<{ version: number }>(VERSION_OF_SERVER, [])).rows;
  if (server === undefined || server.version < OLDEST_SERVER)
    throw new WavspoolError(
      'LEDGER_SCHEMA',
      `PostgreSQL 13 is needed, this is ${server?.version ?? 'older'}`,
    );
  const [found] = (await query<{ has: boolean }>(HAS_VERSIONS, [])).rows;
  return found?.has === true ? (await query<FoundSchema>(VERSION, [])).rows[0] : undefined;
}

/** Throws LEDGER_SCHEMA where `wavspool state migrate` has to run first, and STATE_TOO_NEW where a newer program is needed. */
export async function requireSchema(query: Query, shown: string): Promise<void> {
  const found = await foundSchema(query);
  if (found === undefined) throw new WavspoolError('LEDGER_SCHEMA', `the ledger ${shown} has no tables yet`);
  if (found.oldestProgram > LEDGER_SCHEMA)
    throw new WavspoolError(
      'STATE_TOO_NEW',
      `the ledger ${shown} has schema ${found.schema}, which needs a program that knows schema ${found.oldestProgram}; this one knows ${LEDGER_SCHEMA}`,
    );
  if (found.schema < LEDGER_SCHEMA)
    throw new WavspoolError(
      'LEDGER_SCHEMA',
      `the ledger ${shown} has schema ${found.schema}, this wavspool needs ${LEDGER_SCHEMA}`,
    );
}

/** Brings the schema up to date, in the transaction that `query` is of. Several may try at once. Returns what stood before; 0: nothing. */
export async function migrate(query: Query): Promise<number> {
  const run = (text: string): Promise<unknown> => query({ name: '', text }, []);
  await run("SELECT pg_advisory_xact_lock(hashtext('wavspool.schema'))");
  const before = (await foundSchema(query))?.schema ?? 0;
  await run(VERSIONS);
  for (const step of STEPS.slice(before)) await run(step);
  // a program of the release before may run this behind the next one's: neither number ever goes back
  await run(
    `INSERT INTO wavspool_schema AS stands (schema, oldest_program) VALUES (${STEPS.length}, ${OLDEST_PROGRAM})
       ON CONFLICT (one) DO UPDATE SET schema = greatest(stands.schema, excluded.schema),
         oldest_program = greatest(stands.oldest_program, excluded.oldest_program)`,
  );
  return before;
}
