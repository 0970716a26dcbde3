import type { FailureGroup } from '../../../domain/browse.ts';
import type { LedgerCatalogue } from '../../../domain/ledger.ts';
import type { Clock } from '../../runtime/index.ts';
import { auditMethods } from './audit.ts';
import { recordingsByTime } from './by-time.ts';
import { IS_RECORDING } from './columns.ts';
import type { Database } from './database.ts';
import type { Scope } from './recordings.ts';
import { statement } from './statement.ts';
import { tarBrowser } from './tars-by-time.ts';

const MOST_GROUPS = 100;

// one statement, so of one moment; what is uploaded, nearly everything, is not counted but summed up from what statements changed
const COUNTS = statement(
  `SELECT coalesce(sum(pending), 0) AS "PENDING", coalesce(sum(success), 0) AS "SUCCESS", coalesce(sum(failed), 0) AS "FAILED",
     coalesce(sum(pending_bytes), 0) AS "pendingBytes", coalesce(sum(tars), 0) AS "extractedTars",
     coalesce(sum(failed_tars), 0) AS "failedTars", ended.*
   FROM (SELECT count(*) FILTER (WHERE ${IS_RECORDING}) AS "givenUp", min(timestamp) FILTER (WHERE ${IS_RECORDING}) AS "givenUpSince",
       count(*) FILTER (WHERE NOT ${IS_RECORDING}) AS "givenUpTars",
       min(timestamp) FILTER (WHERE NOT ${IS_RECORDING}) AS "givenUpTarsSince"
     FROM uploads WHERE site = $1 AND status = 'FAILED' AND retry_count >= $2) AS ended
     LEFT JOIN recording_counts ON site = $1
   GROUP BY "givenUp", "givenUpSince", "givenUpTars", "givenUpTarsSince"`,
);
const CAUSES = statement(
  `SELECT coalesce(cause, 'unknown') AS cause, count(*) AS recordings FROM uploads
   WHERE site = $1 AND status = 'FAILED' AND ${IS_RECORDING} GROUP BY 1 ORDER BY 2 DESC, 1`,
);
const GROUPS = statement(
  `SELECT coalesce(cause, 'unknown') AS cause,
     replace(replace(coalesce(error_message, ''), wav_path, '…'), coalesce(tar, wav_path), '…') AS message,
     count(*) AS recordings, min(timestamp) AS since
   FROM uploads WHERE site = $1 AND status = 'FAILED' AND ${IS_RECORDING} GROUP BY 1, 2 ORDER BY 3 DESC, 1, 2 LIMIT ${MOST_GROUPS}`,
);
const ENDED = statement(
  `SELECT (SELECT count(*) FROM uploads WHERE site = $1 AND status = 'SUCCESS' AND timestamp >= s.from AND timestamp < s.to) AS "SUCCESS",
     (SELECT count(*) FROM uploads WHERE site = $1 AND status = 'FAILED' AND status <> 'SUCCESS' AND timestamp >= s.from
        AND timestamp < s.to AND ${IS_RECORDING}) AS "FAILED"
   FROM unnest($2::text[], $3::text[]) WITH ORDINALITY AS s ("from", "to", at) ORDER BY s.at`,
);
const BYTES = statement(
  `SELECT coalesce(sum(size), 0) AS bytes FROM uploads WHERE site = $1 AND status = 'SUCCESS' AND timestamp >= $2 AND timestamp < $3`,
);

/** What people and audits ask. */
export function catalogueMethods(db: Database, scope: Scope, clock: Clock): LedgerCatalogue {
  const { site, maxRetries } = scope;
  const { query } = db;
  return {
    list: (asked) => recordingsByTime(query, clock, site, asked),
    search: (asked) => recordingsByTime(query, clock, site, asked),
    browse: (asked) => recordingsByTime(query, clock, site, asked),
    browseTars: tarBrowser(query, site),
    counts: async () => {
      const [row] = (await query<CountsRecord>(COUNTS, [site, maxRetries])).rows;
      if (row === undefined) throw new Error('a sum has no row');
      return {
        ...row,
        givenUpSince: row.givenUpSince ?? undefined,
        givenUpTarsSince: row.givenUpTarsSince ?? undefined,
      };
    },
    causes: async () => (await query<{ cause: string; recordings: number }>(CAUSES, [site])).rows,
    failureGroups: async () => (await query<FailureGroup>(GROUPS, [site])).rows,
    ended: async (spans) => {
      const bounds = [spans.map(({ from }) => from), spans.map(({ to }) => to)];
      return (await query<{ SUCCESS: number; FAILED: number }>(ENDED, [site, ...bounds])).rows;
    },
    bytesUploadedBetween: async (from, to) =>
      (await query<{ bytes: number }>(BYTES, [site, from, to])).rows[0]?.bytes ?? 0,
    ...auditMethods(db, scope),
  };
}

type Counts = Awaited<ReturnType<LedgerCatalogue['counts']>>;
type CountsRecord = Omit<Counts, 'givenUpSince' | 'givenUpTarsSince'> & {
  readonly givenUpSince: string | null;
  readonly givenUpTarsSince: string | null;
};
