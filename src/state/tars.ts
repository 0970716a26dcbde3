import { sqlTimestamp, type Clock } from '../runtime/index.ts';
import type { Sqlite, Write } from '../sqlite/index.ts';
import { failedTarRow, tarRow, type TarsRecord, type UploadsRecord } from './rows.ts';
import type { Progress, StateStore, TarVersion } from './state-store.ts';

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
  const adopt = db.prepare(
    'UPDATE extracted_tars SET size = ?, mtime_ms = ? WHERE path = ? AND size IS NULL',
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
          (failed) =>
            filter.match === undefined || filter.match.test(`${failed.path} ${failed.errorMessage}`),
        )
        .filter((failed) => filter.paths === undefined || filter.paths.includes(failed.path)),

    settledTars: async (versions) => {
      const settled = new Set<string>();
      const adopted: TarVersion[] = [];
      for (const version of versions) {
        const extracted = tar(version.path);
        const failed = failedTar(version.path);
        if (extracted !== undefined && extracted.size === undefined) adopted.push(version);
        const done = extracted !== undefined && (extracted.size === undefined || isSame(extracted, version));
        const hopeless = failed !== undefined && isSame(failed, version) && failed.retryCount >= maxRetries;
        if (done || hopeless) settled.add(version.path);
      }
      if (adopted.length > 0) {
        await write(() => {
          for (const { path, size, mtimeMs } of adopted) adopt.run(size, mtimeMs, path);
        });
      }
      return settled;
    },

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

function isSame(
  row: { readonly size: number | undefined; readonly mtimeMs: number | undefined },
  version: TarVersion,
): boolean {
  return row.size === version.size && row.mtimeMs === version.mtimeMs;
}
