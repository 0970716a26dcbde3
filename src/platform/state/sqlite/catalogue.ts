import type { LedgerCatalogue, Span } from '../../../domain/ledger.ts';
import type { UploadStatus } from '../../../domain/recording.ts';
import type { Clock } from '../../runtime/index.ts';
import type { Sqlite, Write } from '../../sqlite/index.ts';
import { auditMethods } from './audit.ts';
import { browseMethods } from './browse.ts';
import { placeBounds, placeOf, recordingPage } from '../by-time.ts';
import { IS_DATED_BEHIND, IS_UNDATED_BEHIND } from './behind.ts';
import type { Plain } from './plain.ts';
import { IS_RECORDING } from './recordings.ts';
import type { UploadsRecord } from '../rows.ts';
import { searchMethod } from './search.ts';

type Methods = Plain<LedgerCatalogue>;

/** What people and audits ask. */
export function catalogueMethods(db: Sqlite, write: Write, clock: Clock, maxRetries: number): Methods {
  return {
    ...figures(db, maxRetries),
    ...listMethod(db),
    ...searchMethod(db, clock),
    ...browseMethods(db, clock),
    ...auditMethods(db, write),
  };
}

function listMethod(db: Sqlite): Pick<Methods, 'list'> {
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

  return {
    list: ({ status, limit, after }) =>
      recordingPage(
        lists[status ?? 'any'].all({ ...placeBounds(placeOf(after)), limit: limit + 1 }) as UploadsRecord[],
        limit,
      ),
  };
}

function figures(db: Sqlite, maxRetries: number): Pick<Methods, 'counts' | 'causes' | 'ended'> {
  // the uploaded ones are nearly all of them: what is not counted one by one
  const all = db.prepare('SELECT count(*) FROM uploads').pluck();
  const openByStatus = db.prepare(
    "SELECT status, count(*) AS rows FROM uploads WHERE status <> 'SUCCESS' GROUP BY status",
  );
  const withoutStatus = db.prepare('SELECT count(*) FROM uploads WHERE status IS NULL').pluck();
  const failedTars = db.prepare('SELECT count(*) FROM uploads WHERE wav_path = tar').pluck();
  const ended = "status = 'FAILED' AND retry_count >= ?";
  const givenUp = db.prepare(
    `SELECT count(*) AS rows, min(timestamp) AS since FROM uploads INDEXED BY uploads_failures WHERE ${ended} AND ${IS_RECORDING}`,
  );
  const givenUpTars = db.prepare(
    `SELECT count(*) AS rows, min(timestamp) AS since FROM uploads INDEXED BY uploads_failed_tars WHERE wav_path = tar AND ${ended}`,
  );
  const extractedTars = db.prepare('SELECT count(*) FROM extracted_tars').pluck();
  const pendingBytes = db
    .prepare("SELECT coalesce(sum(size), 0) FROM uploads WHERE status = 'PENDING'")
    .pluck();
  const causes = db.prepare(
    `SELECT coalesce(cause, 'unknown') AS cause, count(*) AS recordings FROM uploads INDEXED BY uploads_failures
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
        pendingBytes: pendingBytes.get() as number,
      };
    }),
    causes: () => causes.all() as { cause: string; recordings: number }[],
    ended: db.transaction((spans: readonly Span[]) =>
      spans.map(({ from, to }) => endedWithin.get({ from, to }) as { SUCCESS: number; FAILED: number }),
    ),
  };
}

interface GivenUp {
  rows: number;
  since: string | null;
}
