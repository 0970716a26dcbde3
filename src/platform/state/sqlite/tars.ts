import type { TarLedger } from '../../../domain/ledger.ts';
import type { Occupant, Progress, UploadStatus } from '../../../domain/recording.ts';
import type { TarRow, TarVersion } from '../../../domain/tar.ts';
import { tarCommitter } from './commit.ts';
import { pageByKey, pathOf } from '../cursors.ts';
import type { Plain } from './plain.ts';
import { failedTarRow, tarRow, type TarsRecord, type UploadsRecord } from '../rows.ts';
import { FAULTS } from '../../../domain/faults.ts';
import { sqlTimestamp, type Clock } from '../../runtime/index.ts';
import type { Sqlite, Write } from '../../sqlite/index.ts';

const PAGE = 1000;

const PROGRESS = `
SELECT coalesce(sum(status = 'PENDING'), 0) AS PENDING, coalesce(sum(status = 'SUCCESS'), 0) AS SUCCESS,
  coalesce(sum(status = 'FAILED' AND retry_count < @maxRetries), 0) AS retrying,
  coalesce(sum(status = 'FAILED' AND retry_count >= @maxRetries), 0) AS givenUp
FROM uploads`;

/** What the ledger knows of tars: extracted ones, failed ones, and how far their recordings are. */
export function tarMethods(db: Sqlite, write: Write, clock: Clock, maxRetries: number): Plain<TarLedger> {
  const byPath = db.prepare('SELECT * FROM extracted_tars WHERE path = ?');
  const get = (path: string): TarRow | undefined => {
    const record = byPath.get(path) as TarsRecord | undefined;
    return record === undefined ? undefined : tarRow(record);
  };
  return {
    get,
    settled: settledPaths(db, maxRetries),
    occupants: occupants(db),
    commit: tarCommitter(db, write, clock, maxRetries),
    ...failureMethods(db, write, clock),
    paths: allPaths(db),
    progress: progress(db, maxRetries, get),
  };
}

/**
 * A legacy row says of no version that it was extracted, nor that its recordings have their rows: such a tar is extracted once
 * more where it still lies, and finds what is there. One transaction: a rescan asks for every tar on disk.
 */
function settledPaths(db: Sqlite, maxRetries: number): Plain<TarLedger>['settled'] {
  const extractedVersion = db.prepare('SELECT size, mtime_ms AS mtimeMs FROM extracted_tars WHERE path = ?');
  const failedVersion = db.prepare(
    `SELECT size, tar_mtime_ms AS mtimeMs, retry_count AS retryCount, cause FROM uploads
     WHERE wav_path = ? AND tar = wav_path`,
  );
  const isExtracted = (version: TarVersion): boolean => {
    const extracted = extractedVersion.get(version.path) as Version | undefined;
    return extracted !== undefined && isSame(extracted, version);
  };
  const isGivenUp = (version: TarVersion): boolean => {
    const failed = failedVersion.get(version.path) as FailedVersion | undefined;
    if (failed === undefined || !isSame(failed, version)) return false;
    // one that was given up because it was not there, and lies there now, has come back
    return (failed.retryCount ?? 0) >= maxRetries && failed.cause !== FAULTS.TAR_MISSING.cause;
  };
  return db.transaction(
    (versions: readonly TarVersion[]) =>
      new Set(
        versions.filter((version) => isExtracted(version) || isGivenUp(version)).map(({ path }) => path),
      ),
  );
}

function occupants(db: Sqlite): Plain<TarLedger>['occupants'] {
  const occupant = db.prepare('SELECT sha256, size, status FROM uploads WHERE wav_path = ?');
  return db.transaction((paths: readonly string[]) => {
    const found = new Map<string, Occupant>();
    for (const path of paths) {
      const record = occupant.get(path) as OccupantRecord | undefined;
      if (record === undefined) continue;
      const { sha256, size, status } = record;
      found.set(path, { sha256: sha256 ?? undefined, size: size ?? undefined, status });
    }
    return found;
  });
}

function failureMethods(
  db: Sqlite,
  write: Write,
  clock: Clock,
): Pick<Plain<TarLedger>, 'fail' | 'forgetFailure' | 'failure' | 'failed'> {
  const failedByPath = db.prepare('SELECT * FROM uploads WHERE wav_path = ? AND tar = wav_path');
  const failed = db.prepare(
    `SELECT * FROM uploads WHERE wav_path = tar AND wav_path > @after
       AND (@cause IS NULL OR coalesce(cause, 'unknown') = @cause) AND (@since IS NULL OR timestamp >= @since)
       AND (@paths IS NULL OR wav_path IN (SELECT value FROM json_each(@paths))) ORDER BY wav_path LIMIT @limit`,
  );
  const markFailed = db.prepare(
    `INSERT INTO uploads (wav_path, status, timestamp, error_message, retry_count, cause, tar, size, tar_mtime_ms)
     VALUES (@path, 'FAILED', @timestamp, @message, @retryCount, @cause, @path, @size, @mtimeMs)
     ON CONFLICT (wav_path) DO UPDATE SET timestamp = excluded.timestamp, error_message = excluded.error_message,
       retry_count = excluded.retry_count, cause = excluded.cause, size = excluded.size, tar_mtime_ms = excluded.tar_mtime_ms`,
  );
  const forget = db.prepare('DELETE FROM uploads WHERE wav_path = ? AND tar = wav_path');
  return {
    fail: ({ path, size, mtimeMs }, failure) =>
      write(() => {
        const { cause, message, retryCount } = failure;
        const timestamp = sqlTimestamp(clock.now());
        markFailed.run({ path, size, mtimeMs, cause, message, retryCount, timestamp });
      }),
    forgetFailure: (path) =>
      write(() => {
        forget.run(path);
      }),
    failure: (path) => {
      const record = failedByPath.get(path) as UploadsRecord | undefined;
      return record === undefined ? undefined : failedTarRow(record);
    },
    failed: ({ cause, since, paths }, { after, limit }) => {
      const records = failed.all({
        after: pathOf(after),
        limit,
        cause: cause ?? null,
        since: since ?? null,
        paths: paths === undefined ? null : JSON.stringify(paths),
      }) as UploadsRecord[];
      return pageByKey(records, limit, ({ wav_path }) => wav_path, failedTarRow);
    },
  };
}

function allPaths(db: Sqlite): Plain<TarLedger>['paths'] {
  const tarsAfter = db
    .prepare('SELECT path FROM extracted_tars WHERE path > ? ORDER BY path LIMIT ?')
    .pluck();
  const failuresAfter = db
    .prepare('SELECT wav_path FROM uploads WHERE wav_path = tar AND wav_path > ? ORDER BY wav_path LIMIT ?')
    .pluck();
  return function* () {
    for (const statement of [failuresAfter, tarsAfter])
      for (let page = statement.all('', PAGE) as string[]; page.length > 0;) {
        yield page;
        page = statement.all(page.at(-1), PAGE) as string[];
      }
  };
}

function progress(
  db: Sqlite,
  maxRetries: number,
  get: (path: string) => TarRow | undefined,
): Plain<TarLedger>['progress'] {
  const ownProgress = db.prepare(`${PROGRESS} WHERE tar = @tar AND wav_path <> tar`);
  const sharedProgress = db.prepare(`${PROGRESS} WHERE wav_path IN (SELECT value FROM json_each(@shared))`);
  return (path) => {
    const own = ownProgress.get({ tar: path, maxRetries }) as Progress;
    const shared = get(path)?.shared ?? [];
    if (shared.length === 0) return own;
    const others = sharedProgress.get({ shared: JSON.stringify(shared), maxRetries }) as Progress;
    return {
      PENDING: own.PENDING + others.PENDING,
      SUCCESS: own.SUCCESS + others.SUCCESS,
      retrying: own.retrying + others.retrying,
      givenUp: own.givenUp + others.givenUp,
    };
  };
}

interface OccupantRecord {
  readonly sha256: string | null;
  readonly size: number | null;
  readonly status: UploadStatus;
}

interface FailedVersion extends Version {
  readonly retryCount: number | null;
  readonly cause: string | null;
}

/** As SQLite gives it; null in a legacy row. */
interface Version {
  readonly size: number | null;
  readonly mtimeMs: number | null;
}

function isSame(row: Version, version: TarVersion): boolean {
  return row.size === version.size && row.mtimeMs === version.mtimeMs;
}
