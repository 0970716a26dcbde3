import { isUtf8 } from 'node:buffer';
import { sqlTimestamp, type Clock } from '../../runtime/index.ts';
import type { Sqlite } from '../../sqlite/index.ts';

// Scripts and people write to state.db as well. What they write there counts: a status in other letters, a retry count that is
// not there, a row without a path or without a time. None of it may fall out of the figures and lists, or end the work on the rows beside it.

const DATED = '[12][0-9][0-9][0-9]-[01][0-9]-[0-3][0-9]';
/** A timestamp of another form: lists are in its order, and receipts repeat it. */
export const IS_ODD_TIME = `timestamp IS NULL OR typeof(timestamp) <> 'text'
  OR timestamp NOT GLOB '${DATED} [0-2][0-9]:[0-5][0-9]:[0-5][0-9]'`;

/** A row of `uploads` that no query of wavspool would find as what it is. An index of these keeps looking for them free. */
export const IS_ODD = `status IS NULL OR status NOT IN ('PENDING', 'SUCCESS', 'FAILED') OR typeof(wav_path) <> 'text'
  OR typeof(retry_count) <> 'integer' OR retry_count < 0 OR typeof(error_message) = 'blob' OR ${IS_ODD_TIME}`;

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
  /** No path, or none that is text: FAILED for good with a name made of its row number, so that an operator looks at it. */
  readonly noPaths: number;
  /** A time in another form (ISO 8601, seconds since 1970): the same one in UTC. */
  readonly timestamps: number;
  /** No time, or nothing that is one: now, which is when the row was last changed. */
  readonly unknownTimestamps: number;
  /** A message that was written as bytes. */
  readonly messages: number;
}

const SPACES = "' ' || char(9, 10, 11, 12, 13, 160)";
const STATUS = `upper(trim(status, ${SPACES}))`;
const TIME = 'CAST(timestamp AS TEXT)';
/** SQLite would make a time of nearly everything, of `now` and of `12` too. */
const IS_TIME = `(${TIME} GLOB '${DATED}*' OR (length(${TIME}) IN (9, 10) AND ${TIME} NOT GLOB '*[^0-9]*'))
  AND datetime(${TIME}, 'auto') IS NOT NULL`;

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
  const texts = textsOf(db);
  const times = timesOf(db);

  return {
    isDue: () => odd.get() !== undefined || times.isTarDue(),
    run: () => {
      const timestamp = sqlTimestamp(clock.now());
      return {
        messages: texts.readMessages(), // first: what else is put right adds to them
        ...times.run(timestamp),
        bytePaths: texts.readPaths(),
        noPaths: noPath.run({ maxRetries, timestamp }).changes,
        statuses: statuses.run().changes,
        unknownStatuses: unknown.run({ timestamp }).changes,
        retryCounts: retryCounts.run().changes,
      };
    },
  };
}

/** Scripts that treat file names and messages as bytes write them as bytes. Each gives back how many rows it changed. */
function textsOf(db: Sqlite): { readonly readPaths: () => number; readonly readMessages: () => number } {
  const bytesOf = (column: string) =>
    db.prepare<[], { rowid: number; bytes: Buffer; quoted: string }>(
      `SELECT rowid, ${column} AS bytes, quote(${column}) AS quoted FROM uploads WHERE (${IS_ODD}) AND typeof(${column}) = 'blob'`,
    );
  const paths = bytesOf('wav_path');
  const setPath = db.prepare('UPDATE OR IGNORE uploads SET wav_path = ? WHERE rowid = ?');
  const messages = bytesOf('error_message');
  const setMessage = db.prepare('UPDATE uploads SET error_message = ? WHERE rowid = ?');
  return {
    readPaths: () =>
      sum(
        paths
          .all()
          .filter(({ bytes }) => isUtf8(bytes))
          .map(({ rowid, bytes }) => setPath.run(bytes.toString('utf8'), rowid).changes),
      ),
    readMessages: () =>
      sum(
        messages
          .all()
          .map(
            ({ rowid, bytes, quoted }) =>
              setMessage.run(isUtf8(bytes) ? bytes.toString('utf8') : quoted, rowid).changes,
          ),
      ),
  };
}

/** Puts the times of both tables right; what stood there and was no time is kept in a recording's message. */
function timesOf(db: Sqlite): {
  readonly isTarDue: () => boolean;
  readonly run: (now: string) => Pick<Normalised, 'timestamps' | 'unknownTimestamps'>;
} {
  const rows = [
    { table: 'uploads', isOdd: `(${IS_ODD}) AND (${IS_ODD_TIME})`, note: true },
    { table: 'extracted_tars', isOdd: `(${IS_ODD_TIME})`, note: false },
  ].map(({ table, isOdd, note }) => ({
    read: db.prepare(
      `UPDATE ${table} SET timestamp = datetime(${TIME}, 'auto') WHERE ${isOdd} AND ${IS_TIME}`,
    ),
    replace: db.prepare(
      `UPDATE ${table} SET timestamp = @now
         ${note ? ", error_message = coalesce(error_message || '; ', '') || 'its timestamp was ' || quote(timestamp)" : ''}
       WHERE ${isOdd}`,
    ),
  }));
  const oddTar = db.prepare(`SELECT 1 FROM extracted_tars WHERE ${IS_ODD_TIME} LIMIT 1`).pluck();
  return {
    isTarDue: () => oddTar.get() !== undefined,
    run: (now) => ({
      timestamps: sum(rows.map(({ read }) => read.run().changes)),
      unknownTimestamps: sum(rows.map(({ replace }) => replace.run({ now }).changes)),
    }),
  };
}

function sum(changes: readonly number[]): number {
  return changes.reduce((a, b) => a + b, 0);
}
