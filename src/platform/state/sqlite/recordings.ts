import { sqlTimestamp, type Clock } from '../../runtime/index.ts';
import type { Sqlite, Write } from '../../sqlite/index.ts';
import { wholeBatches } from './batch.ts';
import { IS_DATED_BEHIND, IS_UNDATED_BEHIND, placeBounds, recordingPage } from './by-time.ts';
import { openRecording, recordingRow, type OpenRecord, type UploadsRecord } from './rows.ts';
import type { FailureFilter, StateStore } from '../../../domain/ledger.ts';
import type { Occupant, OpenRecording, RecordingRow, UploadStatus } from '../../../domain/recording.ts';

type RecordingMethods = Pick<
  StateStore,
  | 'recording'
  | 'recordings'
  | 'occupant'
  | 'openRecordings'
  | 'openJobs'
  | 'tarRecordings'
  | 'markSuccess'
  | 'markFailed'
  | 'failed'
  | 'recordingByKey'
  | 'requeue'
  | 'list'
  | 'counts'
  | 'backlog'
  | 'causes'
  | 'endedBetween'
>;

/** Rows that a pattern is compared with in one call. */
const LOOKED = 200;

/** A row that stands for a tar which could not be extracted has its own path as its tar. */
export const IS_RECORDING = '(tar IS NULL OR tar <> wav_path)';

/** What the store knows of recordings. */
export function recordingMethods(
  db: Sqlite,
  write: Write,
  clock: Clock,
  maxRetries: number,
): RecordingMethods {
  return {
    ...changes(db, write, clock),
    ...openWork(db, maxRetries),
    ...queries(db),
    ...figures(db, maxRetries),
  };
}

function changes(
  db: Sqlite,
  write: Write,
  clock: Clock,
): Pick<RecordingMethods, 'markSuccess' | 'markFailed' | 'requeue'> {
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
  return {
    markSuccess: (path, { versionId, ...receipt }) =>
      write(() => {
        succeeded.run({
          path,
          ...receipt,
          versionId: versionId ?? null,
          timestamp: sqlTimestamp(clock.now()),
        });
      }),
    markFailed: (path, failure) =>
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
  };
}

/** What has to have a job in the upload queue. */
function openWork(
  db: Sqlite,
  maxRetries: number,
): Pick<RecordingMethods, 'openRecordings' | 'openJobs' | 'tarRecordings'> {
  // Two walks over an index that ends in the rowid, merged: an OR would read and sort every open row for each page, a second
  // per page with a million of them. `status <>` is what lets SQLite use the partial index.
  const openWith = (status: string, condition: string): string =>
    `SELECT rowid, wav_path, tar, tar_mtime_ms, batch FROM uploads
     WHERE status = '${status}' AND status <> 'SUCCESS' AND ${condition}
       AND rowid > @after AND ${IS_RECORDING} AND cause IS NOT 'refused'`;
  const open = db.prepare(
    `${openWith('PENDING', 'TRUE')} UNION ALL ${openWith('FAILED', 'retry_count < @maxRetries')} ORDER BY rowid LIMIT @limit`,
  );
  const ofTar = db.prepare(
    'SELECT rowid, * FROM uploads WHERE tar = ? AND wav_path <> tar AND rowid > ? ORDER BY rowid LIMIT ?',
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

  return {
    openRecordings: (after, limit) =>
      wholeBatches((open.all({ after, limit, maxRetries }) as OpenRecord[]).map(openRecording), limit),
    openJobs: db.transaction(() => (alone.get(maxRetries) as number) + (batches.get() as number)),
    tarRecordings: (path, after, limit) =>
      wholeBatches((ofTar.all(path, after, limit) as UploadsRecord[]).map(withRowid), limit),
  };
}

function queries(
  db: Sqlite,
): Pick<RecordingMethods, 'recording' | 'recordings' | 'occupant' | 'failed' | 'recordingByKey' | 'list'> {
  const byPath = db.prepare(`SELECT rowid, * FROM uploads WHERE wav_path = ? AND ${IS_RECORDING}`);
  const byKey = db.prepare(`SELECT rowid, * FROM uploads WHERE key = ? AND ${IS_RECORDING} LIMIT 1`);
  const occupant = db.prepare('SELECT sha256, size, status FROM uploads WHERE wav_path = ?');
  const failed = db.prepare(
    `SELECT rowid, * FROM uploads WHERE status = 'FAILED' AND status <> 'SUCCESS' AND rowid > @after AND ${IS_RECORDING}
       AND (@cause IS NULL OR cause = @cause) AND (@since IS NULL OR timestamp >= @since)
       AND (@paths IS NULL OR wav_path IN (SELECT value FROM json_each(@paths)))
     ORDER BY rowid LIMIT @limit`,
  );
  // a statement for each status, merged by time where none is asked for: an index has them in that order already
  const page = (statuses: readonly UploadStatus[]) =>
    db.prepare(
      `${statuses
        .flatMap((status) =>
          [IS_DATED_BEHIND, IS_UNDATED_BEHIND].map(
            (isBehind) =>
              `SELECT rowid, * FROM uploads WHERE status = '${status}' AND ${IS_RECORDING} AND ${isBehind}`,
          ),
        )
        .join(' UNION ALL ')} ORDER BY timestamp DESC, rowid DESC LIMIT @limit`,
    );
  const lists = {
    PENDING: page(['PENDING']),
    SUCCESS: page(['SUCCESS']),
    FAILED: page(['FAILED']),
    any: page(['PENDING', 'SUCCESS', 'FAILED']),
  };

  const recording = (path: string): RecordingRow | undefined => {
    const record = byPath.get(path) as UploadsRecord | undefined;
    return record === undefined ? undefined : recordingRow(record);
  };

  return {
    recording,
    // one transaction: else each of its reads would take and release SQLite's locks
    recordings: db.transaction((paths: readonly string[]) => paths.flatMap((path) => recording(path) ?? [])),
    occupant: (path) => {
      const record = occupant.get(path) as
        | { sha256: string | null; size: number | null; status: Occupant['status'] }
        | undefined;
      if (record === undefined) return undefined;
      return { sha256: record.sha256 ?? undefined, size: record.size ?? undefined, status: record.status };
    },
    failed: (filter, after, limit) => {
      // what only code can tell is asked of so few rows that others go on in between
      const looked = filter.match === undefined && filter.tar === undefined ? limit : Math.min(limit, LOOKED);
      const records = failed.all({
        after,
        limit: looked,
        cause: filter.cause ?? null,
        since: filter.since ?? null,
        paths: filter.paths === undefined ? null : JSON.stringify(filter.paths),
      }) as UploadsRecord[];
      return {
        rows: records.map(withRowid).filter(({ row }) => matches(row, filter)),
        next: records.length < looked ? undefined : records.at(-1)?.rowid,
      };
    },
    recordingByKey: (key) => {
      const record = byKey.get(key) as UploadsRecord | undefined;
      return record === undefined ? undefined : recordingRow(record);
    },
    list: ({ status, limit, after }) =>
      recordingPage(
        lists[status ?? 'any'].all({ ...placeBounds(after), limit: limit + 1 }) as UploadsRecord[],
        limit,
      ),
  };
}

function figures(
  db: Sqlite,
  maxRetries: number,
): Pick<RecordingMethods, 'counts' | 'backlog' | 'causes' | 'endedBetween'> {
  // the uploaded ones are nearly all of them: what is not counted one by one
  const all = db.prepare('SELECT count(*) FROM uploads').pluck();
  const openByStatus = db.prepare(
    "SELECT status, count(*) AS rows FROM uploads WHERE status <> 'SUCCESS' GROUP BY status",
  );
  const withoutStatus = db.prepare('SELECT count(*) FROM uploads WHERE status IS NULL').pluck();
  const failedTars = db.prepare('SELECT count(*) FROM uploads WHERE wav_path = tar').pluck();
  const ended = "status = 'FAILED' AND retry_count >= ?";
  const givenUp = db.prepare(
    `SELECT count(*) AS rows, min(timestamp) AS since FROM uploads WHERE ${ended} AND ${IS_RECORDING}`,
  );
  const givenUpTars = db.prepare(
    `SELECT count(*) AS rows, min(timestamp) AS since FROM uploads WHERE wav_path = tar AND ${ended}`,
  );
  const extractedTars = db.prepare('SELECT count(*) FROM extracted_tars').pluck();
  const backlog = db.prepare(
    "SELECT count(*) AS recordings, coalesce(sum(size), 0) AS bytes FROM uploads WHERE status = 'PENDING'",
  );
  const causes = db.prepare(
    `SELECT coalesce(cause, 'unknown') AS cause, count(*) AS recordings FROM uploads
     WHERE status = 'FAILED' AND ${IS_RECORDING} GROUP BY 1 ORDER BY 2 DESC`,
  );
  // an index counts the failed rows, tars among them, without looking at any; what the tars are of them is few
  const within = 'timestamp >= @from AND timestamp < @to';
  const endedWithin = db.prepare(
    `SELECT (SELECT count(*) FROM uploads WHERE status = 'SUCCESS' AND ${within}) AS SUCCESS,
       (SELECT count(*) FROM uploads WHERE status = 'FAILED' AND ${within})
         - (SELECT count(*) FROM uploads INDEXED BY uploads_failed_tars WHERE wav_path = tar AND status = 'FAILED' AND ${within})
         AS FAILED`,
  );

  const pending = () => backlog.get() as { recordings: number; bytes: number };

  return {
    // one read: rows must not change their status between two of its counts
    counts: db.transaction(() => {
      const byStatus = openByStatus.all() as { status: string; rows: number }[];
      const rows = new Map(byStatus.map(({ status, rows }) => [status, rows]));
      const open = byStatus.reduce((sum, { rows }) => sum + rows, withoutStatus.get() as number);
      const tars = failedTars.get() as number;
      const recordings = givenUp.get(maxRetries) as GivenUp;
      const ofTars = givenUpTars.get(maxRetries) as GivenUp;
      return {
        PENDING: rows.get('PENDING') ?? 0,
        SUCCESS: (all.get() as number) - open,
        FAILED: (rows.get('FAILED') ?? 0) - tars,
        givenUp: recordings.rows,
        givenUpSince: recordings.since ?? undefined,
        extractedTars: extractedTars.get() as number,
        failedTars: tars,
        givenUpTars: ofTars.rows,
        givenUpTarsSince: ofTars.since ?? undefined,
        pendingBytes: pending().bytes,
      };
    }),
    backlog: pending,
    causes: () => causes.all() as { cause: string; recordings: number }[],
    endedBetween: (from, to) => endedWithin.get({ from, to }) as { SUCCESS: number; FAILED: number },
  };
}

interface GivenUp {
  rows: number;
  since: string | null;
}

function withRowid(record: UploadsRecord): OpenRecording & { readonly row: RecordingRow } {
  return { ...openRecording(record), row: recordingRow(record) };
}

function matches(row: RecordingRow, filter: FailureFilter): boolean {
  if (filter.tar !== undefined && (row.tar === undefined || !filter.tar(row.tar))) return false;
  return filter.match === undefined || filter.match(`${row.path} ${row.errorMessage ?? ''}`);
}
