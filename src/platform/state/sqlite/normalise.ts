import { isUtf8 } from 'node:buffer';
import { sqlTimestamp, type Clock } from '../../runtime/index.ts';
import type { Sqlite } from '../../sqlite/index.ts';

// Scripts and people write to state.db as well. What they write there counts: a status in other letters, a retry count that is
// not there, a row without a path. None of it may fall out of the figures, or end the work on the rows beside it.

/** A row of `uploads` that no query of wavspool would find as what it is. An index of these keeps looking for them free. */
export const IS_ODD = `status IS NULL OR status NOT IN ('PENDING', 'SUCCESS', 'FAILED') OR typeof(wav_path) <> 'text'
  OR typeof(retry_count) <> 'integer' OR retry_count < 0`;

/** What was put right, in rows. */
export interface Normalised {
  /** A status in other letters, or with spaces around it. */
  readonly statuses: number;
  /** No status, or a word that is none: PENDING now, because a PUT of what is there already is harmless. */
  readonly unknownStatuses: number;
  /** A retry count that was no number: 0 now. */
  readonly retryCounts: number;
  /** A path that was written as bytes, and is text. */
  readonly bytePaths: number;
  /** No path, or none that is text: FAILED for good with a name made of its row number, so that somebody looks at it. */
  readonly noPaths: number;
}

const SPACES = "' ' || char(9, 10, 11, 12, 13, 160)";
const STATUS = `upper(trim(status, ${SPACES}))`;

/**
 * Finds out whether there are odd rows, without looking at the others, and puts them right; `run` belongs into a transaction.
 * `maxRetries` is what FAILED for good is. Safe to repeat.
 */
export function normaliser(
  db: Sqlite,
  clock: Clock,
  maxRetries: number,
): { readonly isDue: () => boolean; readonly run: () => Normalised } {
  const odd = db.prepare(`SELECT 1 FROM uploads WHERE ${IS_ODD} LIMIT 1`).pluck();
  const bytePaths = db.prepare(
    `SELECT rowid, wav_path AS bytes FROM uploads WHERE (${IS_ODD}) AND typeof(wav_path) = 'blob'`,
  );
  const readPath = db.prepare('UPDATE OR IGNORE uploads SET wav_path = ? WHERE rowid = ?');
  const noPath = db.prepare(
    `UPDATE uploads SET wav_path = 'row ' || rowid || ' of uploads has no path (' || lower(hex(randomblob(4))) || ')',
       status = 'FAILED', cause = 'missing', retry_count = @maxRetries, batch = NULL, timestamp = @timestamp,
       error_message = coalesce(error_message || '; ', '') || 'its wav_path was ' || quote(wav_path)
     WHERE (${IS_ODD}) AND typeof(wav_path) <> 'text'`,
  );
  const statuses = db.prepare(
    `UPDATE uploads SET status = ${STATUS}
     WHERE (${IS_ODD}) AND status NOT IN ('PENDING', 'SUCCESS', 'FAILED') AND ${STATUS} IN ('PENDING', 'SUCCESS', 'FAILED')`,
  );
  const unknown = db.prepare(
    `UPDATE uploads SET status = 'PENDING', batch = NULL, timestamp = @timestamp,
       error_message = coalesce(error_message || '; ', '') || 'its status was ' || quote(status)
     WHERE (${IS_ODD}) AND (status IS NULL OR status NOT IN ('PENDING', 'SUCCESS', 'FAILED'))`,
  );
  const retryCounts = db.prepare(
    `UPDATE uploads SET retry_count = 0 WHERE (${IS_ODD}) AND (typeof(retry_count) <> 'integer' OR retry_count < 0)`,
  );
  /** Scripts that treat file names as bytes write them as bytes. */
  const readBytePaths = (): number => {
    let changed = 0;
    for (const { rowid, bytes } of bytePaths.all() as { rowid: number; bytes: Buffer }[]) {
      if (isUtf8(bytes)) changed += readPath.run(bytes.toString('utf8'), rowid).changes;
    }
    return changed;
  };

  return {
    isDue: () => odd.get() !== undefined,
    run: () => {
      const timestamp = sqlTimestamp(clock.now());
      return {
        bytePaths: readBytePaths(),
        noPaths: noPath.run({ maxRetries, timestamp }).changes,
        statuses: statuses.run().changes,
        unknownStatuses: unknown.run({ timestamp }).changes,
        retryCounts: retryCounts.run().changes,
      };
    },
  };
}
