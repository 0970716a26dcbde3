import { FAULTS } from '../../../domain/faults.ts';
import { sqlTimestamp, type Clock } from '../../runtime/index.ts';
import type { Sqlite, Write } from '../../sqlite/index.ts';
import { failedTarRow, tarRow, type TarsRecord, type UploadsRecord } from './rows.ts';
import type { Progress } from '../../../domain/recording.ts';
import type { StateStore } from '../../../domain/ledger.ts';
import type { TarVersion } from '../../../domain/tar.ts';

type TarMethods = Pick<
  StateStore,
  'tar' | 'failedTar' | 'failedTars' | 'settledTars' | 'markTarFailed' | 'forgetTarFailure' | 'tarProgress'
>;

const PROGRESS = `
SELECT coalesce(sum(status = 'PENDING'), 0) AS PENDING, coalesce(sum(status = 'SUCCESS'), 0) AS SUCCESS,
  coalesce(sum(status = 'FAILED' AND retry_count < @maxRetries), 0) AS retrying,
  coalesce(sum(status = 'FAILED' AND retry_count >= @maxRetries), 0) AS givenUp
FROM uploads`;

/** What the store knows of tars: extracted ones, failed ones, and how far their recordings are. */
export function tarMethods(db: Sqlite, write: Write, clock: Clock, maxRetries: number): TarMethods {
  const byPath = db.prepare('SELECT * FROM extracted_tars WHERE path = ?');
  const failedByPath = db.prepare('SELECT * FROM uploads WHERE wav_path = ? AND tar = wav_path');
  const allFailed = db.prepare('SELECT * FROM uploads WHERE wav_path = tar ORDER BY wav_path');
  const extractedVersion = db.prepare('SELECT size, mtime_ms AS mtimeMs FROM extracted_tars WHERE path = ?');
  const failedVersion = db.prepare(
    `SELECT size, tar_mtime_ms AS mtimeMs, retry_count AS retryCount, cause FROM uploads
     WHERE wav_path = ? AND tar = wav_path`,
  );
  const markFailed = db.prepare(
    `INSERT INTO uploads (wav_path, status, timestamp, error_message, retry_count, cause, tar, size, tar_mtime_ms)
     VALUES (@path, 'FAILED', @timestamp, @message, @retryCount, @cause, @path, @size, @mtimeMs)
     ON CONFLICT (wav_path) DO UPDATE SET timestamp = excluded.timestamp, error_message = excluded.error_message,
       retry_count = excluded.retry_count, cause = excluded.cause, size = excluded.size, tar_mtime_ms = excluded.tar_mtime_ms`,
  );
  const forget = db.prepare('DELETE FROM uploads WHERE wav_path = ? AND tar = wav_path');
  const ownProgress = db.prepare(`${PROGRESS} WHERE tar = @tar AND wav_path <> tar`);
  const sharedProgress = db.prepare(`${PROGRESS} WHERE wav_path IN (SELECT value FROM json_each(@shared))`);

  const tar: TarMethods['tar'] = (path) => {
    const record = byPath.get(path) as TarsRecord | undefined;
    return record === undefined ? undefined : tarRow(record);
  };
  const failedTar: TarMethods['failedTar'] = (path) => {
    const record = failedByPath.get(path) as UploadsRecord | undefined;
    return record === undefined ? undefined : failedTarRow(record);
  };

  /**
   * A row that was taken over says of no version that it was extracted, nor that its recordings have their rows: such a tar is
   * extracted once more where it still lies, and finds what is there. One transaction: a rescan asks for every tar on disk.
   */
  const settled = db.transaction((versions: readonly TarVersion[]) => {
    const paths = new Set<string>();
    for (const version of versions) {
      const extracted = extractedVersion.get(version.path) as Version | undefined;
      if ((extracted !== undefined && isSame(extracted, version)) || isGivenUp(version))
        paths.add(version.path);
    }
    return paths;
  });
  const isGivenUp = (version: TarVersion): boolean => {
    const failed = failedVersion.get(version.path) as FailedVersion | undefined;
    if (failed === undefined || !isSame(failed, version)) return false;
    // one that was given up because it was not there, and lies there now, has come back
    return (failed.retryCount ?? 0) >= maxRetries && failed.cause !== FAULTS.TAR_MISSING.cause;
  };

  return {
    tar,
    failedTar,
    failedTars: (filter) =>
      (allFailed.all() as UploadsRecord[])
        .map(failedTarRow)
        .filter((failed) => filter.tar === undefined || filter.tar(failed.path))
        .filter((failed) => filter.cause === undefined || failed.cause === filter.cause)
        .filter((failed) => filter.since === undefined || failed.timestamp >= filter.since)
        .filter(
          (failed) => filter.match === undefined || filter.match(`${failed.path} ${failed.errorMessage}`),
        )
        .filter((failed) => filter.paths === undefined || filter.paths.includes(failed.path)),

    settledTars: async (versions) => settled(versions),

    markTarFailed: ({ path, size, mtimeMs }, { cause, message, retryCount }) =>
      write(() => {
        markFailed.run({
          path,
          size,
          mtimeMs,
          cause,
          message,
          retryCount,
          timestamp: sqlTimestamp(clock.now()),
        });
      }),

    forgetTarFailure: (path) =>
      write(() => {
        forget.run(path);
      }),

    tarProgress: (path) => {
      const own = ownProgress.get({ tar: path, maxRetries }) as Progress;
      const shared = tar(path)?.shared ?? [];
      if (shared.length === 0) return own;
      const others = sharedProgress.get({ shared: JSON.stringify(shared), maxRetries }) as Progress;
      return {
        PENDING: own.PENDING + others.PENDING,
        SUCCESS: own.SUCCESS + others.SUCCESS,
        retrying: own.retrying + others.retrying,
        givenUp: own.givenUp + others.givenUp,
      };
    },
  };
}

interface FailedVersion extends Version {
  readonly retryCount: number | null;
  readonly cause: string | null;
}

/** As SQLite gives it; null in a row that was taken over. */
interface Version {
  readonly size: number | null;
  readonly mtimeMs: number | null;
}

function isSame(row: Version, version: TarVersion): boolean {
  return row.size === version.size && row.mtimeMs === version.mtimeMs;
}
