import type { Browsing, TarLine } from '../../../domain/browse.ts';
import { tarPage, tarPlaceOf } from '../by-time.ts';
import { statement, type Query } from './statement.ts';

const isBehind = (path: string): string =>
  `site = $1 AND (timestamp, ${path}) < ($2, $3) AND timestamp >= $4 AND ($5::text IS NULL OR position($5 IN ${path}) > 0)`;
const IN_ORDER = 'ORDER BY timestamp DESC, path DESC LIMIT $6';
const EXTRACTED = `SELECT path, 'extracted' AS state, timestamp, size, mtime_ms AS "mtimeMs", recordings, skipped, refused,
    receipt_for IS NOT DISTINCT FROM sha256 AND sha256 IS NOT NULL AS "hasReceipt", NULL::text AS cause, NULL::text AS "errorMessage",
    NULL::bigint AS "retryCount"
  FROM extracted_tars WHERE ${isBehind('path')} ${IN_ORDER}`;
const FAILED = `SELECT wav_path AS path, 'failed' AS state, timestamp, size, tar_mtime_ms AS "mtimeMs", NULL::bigint AS recordings,
    NULL::bigint AS skipped, NULL::bigint AS refused, false AS "hasReceipt", cause, error_message AS "errorMessage",
    retry_count AS "retryCount"
  FROM uploads WHERE wav_path = tar AND ${isBehind('wav_path')} ${IN_ORDER}`;
const STATEMENTS = {
  extracted: statement(EXTRACTED),
  failed: statement(FAILED),
  all: statement(`SELECT * FROM ((${EXTRACTED}) UNION ALL (${FAILED})) AS both_of_them ${IN_ORDER}`),
};

/** Tars that fit, the latest first. */
export function tarBrowser(query: Query, site: string): Browsing['browseTars'] {
  return async ({ state, part, from, to, limit, after }) => {
    const begin = tarPlaceOf({ after, to });
    const values = [site, begin.timestamp, begin.path, from ?? '', part ?? null, limit + 1];
    return tarPage((await query<TarRecord>(STATEMENTS[state], values)).rows.map(tarLine), limit);
  };
}

type TarRecord = {
  readonly [K in keyof TarLine]: undefined extends TarLine[K] ? NonNullable<TarLine[K]> | null : TarLine[K];
};

function tarLine(record: TarRecord): TarLine {
  return Object.fromEntries(
    Object.entries(record).map(([name, value]) => [name, value ?? undefined]),
  ) as unknown as TarLine;
}
