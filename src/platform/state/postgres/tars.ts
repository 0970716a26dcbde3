import { FAULTS } from '../../../domain/faults.ts';
import type { TarLedger } from '../../../domain/ledger.ts';
import type { Occupant, Progress, UploadStatus } from '../../../domain/recording.ts';
import type { TarRow, TarVersion } from '../../../domain/tar.ts';
import { pageByKey, pathOf } from '../cursors.ts';
import { failedTarRow, tarRow, type TarsRecord, type UploadsRecord } from '../rows.ts';
import { RECORDING, TAR_OF_T } from './columns.ts';
import { tarCommitter, type KeysOf } from './commit.ts';
import type { Database } from './database.ts';
import type { Scope } from './recordings.ts';
import { NOW, statement, type Query } from './statement.ts';

const PAGE = 1000;
const CHUNK = 5000;

const BY_PATH = statement(`SELECT ${TAR_OF_T} FROM extracted_tars t WHERE t.site = $1 AND t.path = $2`);
// a version that was given up because it was not there, and lies there now, has come back
const SETTLED = statement(
  `SELECT v.path FROM unnest($2::text[], $3::bigint[], $4::bigint[]) AS v (path, size, mtime_ms)
   WHERE EXISTS (SELECT 1 FROM extracted_tars t WHERE t.site = $1 AND t.path = v.path AND t.size = v.size AND t.mtime_ms = v.mtime_ms)
     OR EXISTS (SELECT 1 FROM uploads u WHERE u.site = $1 AND u.wav_path = v.path AND u.tar = u.wav_path AND u.size = v.size
       AND u.tar_mtime_ms = v.mtime_ms AND u.retry_count >= $5 AND u.cause IS DISTINCT FROM $6)`,
);
const OCCUPANTS = statement(
  'SELECT wav_path AS path, sha256, size, status FROM uploads WHERE site = $1 AND wav_path = ANY ($2)',
);
const MARK_FAILED = statement(
  `INSERT INTO uploads (site, wav_path, status, timestamp, error_message, retry_count, cause, tar, size, tar_mtime_ms)
   VALUES ($1, $2, 'FAILED', ${NOW}, $3, $4, $5, $2, $6, $7)
   ON CONFLICT (site, wav_path) DO UPDATE SET timestamp = excluded.timestamp, error_message = excluded.error_message,
     retry_count = excluded.retry_count, cause = excluded.cause, size = excluded.size, tar_mtime_ms = excluded.tar_mtime_ms`,
);
const FORGET = statement('DELETE FROM uploads WHERE site = $1 AND wav_path = $2 AND tar = wav_path');
const FAILURE = statement(
  `SELECT ${RECORDING} FROM uploads WHERE site = $1 AND wav_path = $2 AND tar = wav_path`,
);
const FAILED = statement(
  `SELECT ${RECORDING} FROM uploads WHERE site = $1 AND wav_path = tar AND wav_path > $2
     AND ($4::text IS NULL OR coalesce(cause, 'unknown') = $4) AND ($5::text IS NULL OR timestamp >= $5)
     AND ($6::text[] IS NULL OR wav_path = ANY ($6)) ORDER BY wav_path LIMIT $3`,
);
const TARS_AFTER = statement(
  'SELECT path FROM extracted_tars WHERE site = $1 AND path > $2 ORDER BY path LIMIT $3',
);
const FAILURES_AFTER = statement(
  'SELECT wav_path AS path FROM uploads WHERE site = $1 AND wav_path = tar AND wav_path > $2 ORDER BY wav_path LIMIT $3',
);
// of one moment: the tar's own rows, and those that it shares with others
const PROGRESS = statement(
  `SELECT count(*) FILTER (WHERE status = 'PENDING') AS "PENDING", count(*) FILTER (WHERE status = 'SUCCESS') AS "SUCCESS",
     count(*) FILTER (WHERE status = 'FAILED' AND retry_count < $3) AS retrying,
     count(*) FILTER (WHERE status = 'FAILED' AND retry_count >= $3) AS "givenUp"
   FROM (SELECT status, retry_count FROM uploads WHERE site = $1 AND tar = $2 AND wav_path <> tar
     UNION ALL SELECT u.status, u.retry_count FROM extracted_tars t, jsonb_array_elements_text(t.shared::jsonb) AS s (path)
       JOIN uploads u ON u.site = $1 AND u.wav_path = s.path
       WHERE t.site = $1 AND t.path = $2 AND t.shared IS NOT NULL) AS all_of_it`,
);

/** What the ledger knows of tars: extracted ones, failed ones, and how far their recordings are. */
export function tarMethods(db: Database, scope: Scope, keysOf: KeysOf | undefined): TarLedger {
  const { query } = db;
  const { site, maxRetries } = scope;
  return {
    get: (path) => tarAt(query, site, path),
    settled: (versions) => settledPaths(query, scope, versions),
    occupants: (paths) => occupants(query, site, paths),
    commit: tarCommitter(db, scope, keysOf),
    fail: async ({ path, size, mtimeMs }, { cause, message, retryCount }) => {
      await query(MARK_FAILED, [site, path, message, retryCount, cause, size, mtimeMs]);
    },
    forgetFailure: async (path) => {
      await query(FORGET, [site, path]);
    },
    failure: async (path) => {
      const [record] = (await query<UploadsRecord>(FAILURE, [site, path])).rows;
      return record === undefined ? undefined : failedTarRow(record);
    },
    failed: async ({ cause, since, paths }, { after, limit }) => {
      const filter = [cause ?? null, since ?? null, paths ?? null];
      const { rows } = await query<UploadsRecord>(FAILED, [site, pathOf(after), limit, ...filter]);
      return pageByKey(rows, limit, ({ wav_path }) => wav_path, failedTarRow);
    },
    progress: async (path) =>
      (await query<Progress>(PROGRESS, [site, path, maxRetries])).rows[0] ?? {
        PENDING: 0,
        SUCCESS: 0,
        retrying: 0,
        givenUp: 0,
      },
    async *paths() {
      for (const after of [FAILURES_AFTER, TARS_AFTER])
        for (let last = ''; ;) {
          const page = (await query<{ path: string }>(after, [site, last, PAGE])).rows.map(
            ({ path }) => path,
          );
          const end = page.at(-1);
          if (end === undefined) break;
          yield page;
          last = end;
        }
    },
  };
}

async function settledPaths(
  query: Query,
  { site, maxRetries }: Scope,
  versions: readonly TarVersion[],
): Promise<ReadonlySet<string>> {
  const paths = new Set<string>();
  for (let at = 0; at < versions.length; at += CHUNK) {
    const some = versions.slice(at, at + CHUNK);
    const values = [
      some.map(({ path }) => path),
      some.map(({ size }) => size),
      some.map(({ mtimeMs }) => mtimeMs),
    ];
    const limits = [maxRetries, FAULTS.TAR_MISSING.cause];
    for (const { path } of (await query<{ path: string }>(SETTLED, [site, ...values, ...limits])).rows)
      paths.add(path);
  }
  return paths;
}

async function occupants(
  query: Query,
  site: string,
  paths: readonly string[],
): Promise<ReadonlyMap<string, Occupant>> {
  const found = new Map<string, Occupant>();
  for (let at = 0; at < paths.length; at += CHUNK) {
    const { rows } = await query<OccupantRecord>(OCCUPANTS, [site, paths.slice(at, at + CHUNK)]);
    for (const { path, sha256, size, status } of rows)
      found.set(path, { sha256: sha256 ?? undefined, size: size ?? undefined, status });
  }
  return found;
}

export async function tarAt(query: Query, site: string, path: string): Promise<TarRow | undefined> {
  const [record] = (await query<TarsRecord>(BY_PATH, [site, path])).rows;
  return record === undefined ? undefined : tarRow(record);
}

interface OccupantRecord {
  readonly path: string;
  readonly sha256: string | null;
  readonly size: number | null;
  readonly status: UploadStatus;
}
