import type { PageOf, PageRequest, RecordingLedger } from '../../../domain/ledger.ts';
import { WavspoolError } from '../../../domain/faults.ts';
import type { Failure, RecordingRow, StoredObject, UploadUnit } from '../../../domain/recording.ts';
import { cursorOf, readCursor } from '../../paging/index.ts';
import { unitsOf, wholeBatches } from '../batch.ts';
import { pageByKey, rowidOf } from '../cursors.ts';
import { recordingRow, type OpenRecord, type UploadsRecord } from '../rows.ts';
import { IS_RECORDING, RECORDING, RECORDING_OF_U } from './columns.ts';
import type { Database } from './database.ts';
import { grouped } from './grouped.ts';
import { constraintOf } from './pg-faults.ts';
import { NOW, statement, type Query } from './statement.ts';

/** Which site's rows, and what tells the bucket that their keys are of from every other. */
export interface Scope {
  readonly site: string;
  readonly store: string;
  /** `upload.maxRetries`: FAILED at this `retry_count` waits for an operator. */
  readonly maxRetries: number;
}

const CHUNK = 5000;

/** Rows are locked in the order of their keys, so that two writers with the same rows do not stop each other. */
const locked = (arrays: string): string =>
  `WITH input AS (SELECT * FROM ${arrays}),
   own AS MATERIALIZED (SELECT u.wav_path FROM uploads u JOIN input USING (wav_path) WHERE u.site = $1
     ORDER BY u.wav_path FOR UPDATE OF u)`;

const STORED = statement(
  `${locked('unnest($3::text[], $4::text[], $5::bigint[], $6::text[], $7::text[], $8::text[]) AS i (wav_path, key, size, sha256, etag, version_id)')}
   UPDATE uploads u SET status = 'SUCCESS', timestamp = ${NOW}, error_message = NULL, cause = NULL, store = $2, key = input.key,
     size = input.size, sha256 = input.sha256, etag = input.etag, version_id = input.version_id
   FROM own JOIN input USING (wav_path) WHERE u.site = $1 AND u.wav_path = own.wav_path`,
);
const FAILED = statement(
  `${locked('unnest($2::text[], $3::text[], $4::text[], $5::bigint[]) AS i (wav_path, cause, error_message, retry_count)')}
   UPDATE uploads u SET status = 'FAILED', timestamp = ${NOW}, error_message = input.error_message, cause = input.cause,
     retry_count = input.retry_count, batch = NULL
   FROM own JOIN input USING (wav_path) WHERE u.site = $1 AND u.wav_path = own.wav_path AND u.status <> 'SUCCESS'`,
);
const PENDING = statement(
  `${locked('unnest($2::text[]) AS i (wav_path)')}
   UPDATE uploads u SET status = 'PENDING', timestamp = ${NOW}, error_message = NULL, cause = NULL, retry_count = 0, batch = NULL
   FROM own WHERE u.site = $1 AND u.wav_path = own.wav_path AND u.status = 'FAILED' AND (u.tar IS NULL OR u.tar <> u.wav_path)`,
);
const REOPENED = statement(
  `UPDATE uploads SET status = 'PENDING', timestamp = ${NOW}, error_message = NULL, cause = NULL, retry_count = 0, batch = NULL
   WHERE site = $1 AND wav_path = $2 AND status = 'SUCCESS'`,
);

/** What the ledger knows of recordings. */
export function recordingMethods(db: Database, scope: Scope): RecordingLedger {
  return { ...changes(db, scope), ...openWork(db, scope), ...queries(db, scope) };
}

type Changes = Pick<RecordingLedger, 'stored' | 'failed' | 'requeue' | 'reopen'>;

function changes({ query }: Database, { site, store }: Scope): Changes {
  const stored = grouped<StoredObject & { readonly path: string }>(
    ({ path }) => path,
    (rows) => {
      const of = <T>(column: (row: (typeof rows)[number]) => T): T[] => rows.map(column);
      const identity = [
        of(({ path }) => path),
        of(({ key }) => key),
        of(({ size }) => size),
        of(({ sha256 }) => sha256),
      ];
      return query(STORED, [
        site,
        store,
        ...identity,
        of(({ etag }) => etag),
        of(({ versionId }) => versionId ?? null),
      ]);
    },
  );
  const failed = grouped<Failure & { readonly path: string }>(
    ({ path }) => path,
    (rows) => {
      const of = <T>(column: (row: (typeof rows)[number]) => T): T[] => rows.map(column);
      const why = [
        of(({ cause }) => cause),
        of(({ message }) => message),
        of(({ retryCount }) => retryCount),
      ];
      return query(FAILED, [site, of(({ path }) => path), ...why]);
    },
  );
  return {
    stored: async (path, receipt) => {
      try {
        await stored({ path, ...receipt });
      } catch (error) {
        throw isKeyTaken(error) ? keyTaken(receipt.key, error) : error;
      }
    },
    failed: (path, failure) => failed({ path, ...failure }),
    requeue: async (paths) => {
      let changed = 0;
      for (let at = 0; at < paths.length; at += CHUNK)
        changed += (await query(PENDING, [site, paths.slice(at, at + CHUNK)])).changed;
      return changed;
    },
    reopen: async (path) => (await query(REOPENED, [site, path])).changed === 1,
  };
}

/** Whether another row, of whichever site, has the key already (P5). */
export function isKeyTaken(error: unknown): boolean {
  return (
    constraintOf(error) === 'uploads_key' ||
    constraintOf(error instanceof Error ? error.cause : undefined) === 'uploads_key'
  );
}

function keyTaken(key: string, cause: unknown): WavspoolError {
  return new WavspoolError('KEY_TAKEN', `the ledger has given ${key} to another recording`, { cause });
}

const IS_OPEN = `status <> 'SUCCESS' AND ${IS_RECORDING} AND cause IS DISTINCT FROM 'refused'`;
const PLACE = "coalesce(tar, ''), coalesce(tar_mtime_ms, 0), coalesce(batch, -1), rowid";
const OPEN_COLUMNS = 'rowid, wav_path, tar, tar_mtime_ms, batch, size';

const OPEN_UNITS = statement(
  `SELECT ${OPEN_COLUMNS} FROM uploads WHERE site = $1 AND (${PLACE}) > ($2, $3::bigint, $4::bigint, $5::bigint) AND ${IS_OPEN}
     AND (status = 'PENDING' OR status = 'FAILED' AND retry_count < $7) ORDER BY ${PLACE} LIMIT $6`,
);
const UNITS_OF_TAR = statement(
  `SELECT ${OPEN_COLUMNS} FROM uploads WHERE site = $1 AND coalesce(tar, '') = $7
     AND (coalesce(tar_mtime_ms, 0), coalesce(batch, -1), rowid) > ($3::bigint, $4::bigint, $5::bigint) AND $2::text IS NOT NULL
     AND status <> 'SUCCESS' AND status = 'PENDING' AND wav_path <> tar ORDER BY ${PLACE} LIMIT $6`,
);
// a batch has PENDING rows only; its index alone answers, a tenth of the time that the rows take
const UNIT_COUNT = statement(
  `SELECT (SELECT count(*) FROM uploads WHERE site = $1 AND status = 'PENDING' AND batch IS NULL AND ${IS_OPEN})
     + (SELECT count(*) FROM uploads WHERE site = $1 AND status = 'FAILED' AND retry_count < $2 AND ${IS_OPEN})
     + (SELECT count(*) FROM (SELECT DISTINCT tar, tar_mtime_ms, batch FROM uploads
       WHERE site = $1 AND status = 'PENDING' AND batch IS NOT NULL) AS batches) AS units`,
);
const BACKLOG = statement(
  `SELECT coalesce(sum(pending), 0) AS recordings, coalesce(sum(pending_bytes), 0) AS bytes FROM recording_counts WHERE site = $1`,
);

type OpenWork = Pick<RecordingLedger, 'openUnits' | 'pendingUnits' | 'openUnitCount' | 'backlog'>;
/** The tar, its mtime, the batch and the rowid of the row that a page begins behind: units stand together in that order. */
type UnitPlace = readonly [string, number, number, number];
const FIRST: UnitPlace = ['', -1, -2, 0];

/** What has to have a job in the upload queue. */
function openWork({ query }: Database, { site, maxRetries }: Scope): OpenWork {
  const page = async (
    { after, limit }: PageRequest,
    read: (from: UnitPlace, limit: number) => Promise<{ rows: OpenRecord[] }>,
  ): Promise<PageOf<UploadUnit>> => {
    const from = after === undefined ? FIRST : readCursor(after, isUnitPlace);
    const { rows } = await read(from, limit);
    const whole = wholeBatches(rows, limit);
    const last = whole.at(-1);
    if (last === undefined && rows.length > 0) return page({ after, limit: 2 * limit }, read); // a batch is larger than the page
    const isLast = last === undefined || rows.length < limit;
    return { rows: unitsOf(whole), next: isLast ? undefined : cursorOf(placeOf(last)) };
  };
  return {
    openUnits: (request) =>
      page(request, (from, limit) => query<OpenRecord>(OPEN_UNITS, [site, ...from, limit, maxRetries])),
    pendingUnits: (tar, request) =>
      page(request, (from, limit) => query<OpenRecord>(UNITS_OF_TAR, [site, ...from, limit, tar])),
    openUnitCount: async () =>
      (await query<{ units: number }>(UNIT_COUNT, [site, maxRetries])).rows[0]?.units ?? 0,
    backlog: async () =>
      (await query<{ recordings: number; bytes: number }>(BACKLOG, [site])).rows[0] ?? {
        recordings: 0,
        bytes: 0,
      },
  };
}

function placeOf({ tar, tar_mtime_ms, batch, rowid }: OpenRecord): UnitPlace {
  return [tar ?? '', tar_mtime_ms ?? 0, batch ?? -1, rowid];
}

function isUnitPlace(value: unknown): value is UnitPlace {
  return (
    Array.isArray(value) &&
    value.length === 4 &&
    typeof value[0] === 'string' &&
    value.slice(1).every(Number.isSafeInteger)
  );
}

const BY_PATH = statement(
  `SELECT ${RECORDING} FROM uploads WHERE site = $1 AND wav_path = $2 AND ${IS_RECORDING}`,
);
const MANY = statement(
  `SELECT ${RECORDING_OF_U} FROM unnest($2::text[]) WITH ORDINALITY AS i (wav_path, at)
     JOIN uploads u ON u.site = $1 AND u.wav_path = i.wav_path AND (u.tar IS NULL OR u.tar <> u.wav_path) ORDER BY i.at`,
);
const BY_KEY = statement(
  `SELECT ${RECORDING} FROM uploads WHERE site = $1 AND store = $2 AND key = $3 AND ${IS_RECORDING} LIMIT 1`,
);
const OF_OTHERS = statement('SELECT 1 FROM uploads WHERE store = $2 AND key = $3 AND site <> $1 LIMIT 1');
const BY_KEYS = statement(
  `SELECT ${RECORDING} FROM uploads WHERE site = $1 AND store = $2 AND key = ANY ($3) AND ${IS_RECORDING}`,
);
const FAILURES = statement(
  `SELECT ${RECORDING} FROM uploads WHERE site = $1 AND rowid > $2 AND status = 'FAILED' AND status <> 'SUCCESS' AND ${IS_RECORDING}
     AND ($4::text IS NULL OR coalesce(cause, 'unknown') = $4) AND ($5::text IS NULL OR timestamp >= $5)
     AND ($6::text[] IS NULL OR wav_path = ANY ($6)) ORDER BY rowid LIMIT $3`,
);

type Queries = Pick<RecordingLedger, 'get' | 'many' | 'byKey' | 'isOfOthers' | 'manyByKey' | 'failures'>;

function queries({ query }: Database, { site, store }: Scope): Queries {
  return {
    get: async (path) => rowOf((await query<UploadsRecord>(BY_PATH, [site, path])).rows[0]),
    many: (paths) => manyRows(query, site, paths),
    isOfOthers: async (key) => (await query(OF_OTHERS, [site, store, key])).rows.length > 0,
    byKey: async (key) => rowOf((await query<UploadsRecord>(BY_KEY, [site, store, key])).rows[0]),
    manyByKey: async (keys) =>
      (await query<UploadsRecord>(BY_KEYS, [site, store, keys])).rows.flatMap(
        (record) => rowOf(record) ?? [],
      ),
    failures: async ({ cause, since, paths }, { after, limit }) => {
      const filter = [cause ?? null, since ?? null, paths ?? null];
      const { rows } = await query<UploadsRecord>(FAILURES, [site, rowidOf(after), limit, ...filter]);
      return pageByKey(
        rows,
        limit,
        ({ rowid }) => rowid,
        (record) => ({ row: recordingRow(record), cursor: cursorOf(record.rowid) }),
      );
    },
  };
}

/** The rows of those paths that have one, in the order of the paths. */
export async function manyRows(
  query: Query,
  site: string,
  paths: readonly string[],
): Promise<readonly RecordingRow[]> {
  return (await query<UploadsRecord>(MANY, [site, paths])).rows.map(recordingRow);
}

function rowOf(record: UploadsRecord | undefined): RecordingRow | undefined {
  return record === undefined ? undefined : recordingRow(record);
}
