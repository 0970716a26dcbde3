import type { FailureFilter, PageOf, RecordingLedger } from '../../../domain/ledger.ts';
import type { RecordingRow, UploadUnit } from '../../../domain/recording.ts';
import { cursorOf } from '../../paging/index.ts';
import { sqlTimestamp, type Clock } from '../../runtime/index.ts';
import type { Sqlite, Write } from '../../sqlite/index.ts';
import { unitsOf, wholeBatches } from '../batch.ts';
import { pageByKey, rowidOf } from '../cursors.ts';
import type { Plain } from './plain.ts';
import { recordingRow, type OpenRecord, type UploadsRecord } from '../rows.ts';

type Methods = Plain<RecordingLedger>;

/** A row that stands for a tar which could not be extracted has its own path as its tar. */
export const IS_RECORDING = '(tar IS NULL OR tar <> wav_path)';

/** What the ledger knows of recordings. */
export function recordingMethods(db: Sqlite, write: Write, clock: Clock, maxRetries: number): Methods {
  return { ...changes(db, write, clock), ...openWork(db, maxRetries), ...queries(db) };
}

function changes(
  db: Sqlite,
  write: Write,
  clock: Clock,
): Pick<Methods, 'stored' | 'failed' | 'requeue' | 'reopen'> {
  const succeeded = db.prepare(
    `UPDATE uploads SET status = 'SUCCESS', timestamp = @timestamp, error_message = NULL, cause = NULL, key = @key, size = @size,
       sha256 = @sha256, etag = @etag, version_id = @versionId WHERE wav_path = @path`,
  );
  const failed = db.prepare(
    `UPDATE uploads SET status = 'FAILED', timestamp = @timestamp, error_message = @message, cause = @cause,
       retry_count = @retryCount, batch = NULL WHERE wav_path = @path AND status <> 'SUCCESS'`,
  );
  const pending = db.prepare(
    `UPDATE uploads SET status = 'PENDING', timestamp = @timestamp, error_message = NULL, cause = NULL, retry_count = 0,
       batch = NULL WHERE wav_path = @path AND status = 'FAILED' AND ${IS_RECORDING}`,
  );
  const reopened = db.prepare(
    `UPDATE uploads SET status = 'PENDING', timestamp = ?, error_message = NULL, cause = NULL, retry_count = 0,
       batch = NULL WHERE wav_path = ? AND status = 'SUCCESS'`,
  );
  return {
    stored: (path, { versionId, ...object }) =>
      write(() => {
        succeeded.run({
          path,
          ...object,
          versionId: versionId ?? null,
          timestamp: sqlTimestamp(clock.now()),
        });
      }),
    failed: (path, failure) =>
      write(() => {
        failed.run({ path, ...failure, timestamp: sqlTimestamp(clock.now()) });
      }),
    requeue: (paths) =>
      write(() => {
        const timestamp = sqlTimestamp(clock.now());
        let changed = 0;
        for (const path of paths) changed += pending.run({ path, timestamp }).changes;
        return changed;
      }),
    reopen: (path) => write(() => reopened.run(sqlTimestamp(clock.now()), path).changes === 1),
  };
}

/** What has to have a job in the upload queue. */
function openWork(
  db: Sqlite,
  maxRetries: number,
): Pick<Methods, 'openUnits' | 'pendingUnits' | 'openUnitCount' | 'backlog'> {
  const columns = 'rowid, wav_path, tar, tar_mtime_ms, batch, size';
  // Two walks over an index that ends in the rowid, merged: an OR would read and sort every open row for each page, a second
  // per page with a million of them. `status <>` is what lets SQLite use the partial index.
  const openWith = (status: string, condition: string): string =>
    `SELECT ${columns} FROM uploads WHERE status = '${status}' AND status <> 'SUCCESS' AND ${condition}
       AND rowid > @after AND ${IS_RECORDING} AND cause IS NOT 'refused'`;
  const open = db.prepare(
    `${openWith('PENDING', 'TRUE')} UNION ALL ${openWith('FAILED', 'retry_count < @maxRetries')} ORDER BY rowid LIMIT @limit`,
  );
  const pendingOfTar = db.prepare(
    `SELECT ${columns} FROM uploads WHERE tar = @tar AND status <> 'SUCCESS' AND status = 'PENDING' AND wav_path <> tar
       AND rowid > @after ORDER BY rowid LIMIT @limit`,
  );
  const alone = db
    .prepare(
      `SELECT count(*) FROM uploads WHERE status <> 'SUCCESS' AND batch IS NULL AND ${IS_RECORDING}
         AND cause IS NOT 'refused' AND (status = 'PENDING' OR status = 'FAILED' AND retry_count < ?)`,
    )
    .pluck();
  const batches = db
    .prepare(
      `SELECT count(*) FROM (SELECT DISTINCT tar, tar_mtime_ms, batch FROM uploads
         WHERE status = 'PENDING' AND status <> 'SUCCESS' AND batch IS NOT NULL)`,
    )
    .pluck();

  const backlog = db.prepare(
    "SELECT count(*) AS recordings, coalesce(sum(size), 0) AS bytes FROM uploads WHERE status = 'PENDING'",
  );
  const page = (read: (limit: number) => OpenRecord[], limit: number): PageOf<UploadUnit> => {
    const records = read(limit);
    const whole = wholeBatches(records, limit);
    const last = whole.at(-1);
    if (last === undefined && records.length > 0) return page(read, 2 * limit); // a batch is larger than the page
    // a page that a batch was left out of is not the last
    const isLast = last === undefined || records.length < limit;
    return { rows: unitsOf(whole), next: isLast ? undefined : cursorOf(last.rowid) };
  };

  return {
    openUnits: ({ after, limit }) => {
      const from = rowidOf(after);
      return page((most) => open.all({ after: from, limit: most, maxRetries }) as OpenRecord[], limit);
    },
    pendingUnits: (tar, { after, limit }) => {
      const from = rowidOf(after);
      return page((most) => pendingOfTar.all({ tar, after: from, limit: most }) as OpenRecord[], limit);
    },
    openUnitCount: db.transaction(() => (alone.get(maxRetries) as number) + (batches.get() as number)),
    backlog: () => backlog.get() as { recordings: number; bytes: number },
  };
}

function queries(
  db: Sqlite,
): Pick<Methods, 'get' | 'many' | 'byKey' | 'isOfOthers' | 'manyByKey' | 'failures'> {
  const byPath = db.prepare(`SELECT rowid, * FROM uploads WHERE wav_path = ? AND ${IS_RECORDING}`);
  const byKey = db.prepare(`SELECT rowid, * FROM uploads WHERE key = ? AND ${IS_RECORDING} LIMIT 1`);
  const byKeys = db.prepare(
    `SELECT rowid, * FROM uploads WHERE key IN (SELECT value FROM json_each(?)) AND ${IS_RECORDING}`,
  );
  const failed = db.prepare(
    `SELECT rowid, * FROM uploads WHERE status = 'FAILED' AND status <> 'SUCCESS' AND rowid > @after AND ${IS_RECORDING}
       AND (@cause IS NULL OR coalesce(cause, 'unknown') = @cause) AND (@since IS NULL OR timestamp >= @since)
       AND (@paths IS NULL OR wav_path IN (SELECT value FROM json_each(@paths)))
     ORDER BY rowid LIMIT @limit`,
  );
  const get = (path: string): RecordingRow | undefined =>
    rowOf(byPath.get(path) as UploadsRecord | undefined);

  return {
    get,
    // one transaction: else each of its reads would take and release SQLite's locks
    many: db.transaction((paths: readonly string[]) => paths.flatMap((path) => get(path) ?? [])),
    isOfOthers: () => false, // its only site is this one
    byKey: (key) => rowOf(byKey.get(key) as UploadsRecord | undefined),
    manyByKey: (keys) =>
      (byKeys.all(JSON.stringify(keys)) as UploadsRecord[]).flatMap((record) => rowOf(record) ?? []),
    failures: (filter: FailureFilter, { after, limit }) => {
      const records = failed.all({
        after: rowidOf(after),
        limit,
        cause: filter.cause ?? null,
        since: filter.since ?? null,
        paths: filter.paths === undefined ? null : JSON.stringify(filter.paths),
      }) as UploadsRecord[];
      return pageByKey(
        records,
        limit,
        ({ rowid }) => rowid,
        (record) => ({ row: recordingRow(record), cursor: cursorOf(record.rowid) }),
      );
    },
  };
}

function rowOf(record: UploadsRecord | undefined): RecordingRow | undefined {
  return record === undefined ? undefined : recordingRow(record);
}
