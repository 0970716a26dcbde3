import type { ReceiptLedger } from '../../../domain/ledger.ts';
import type { ReceiptIntent } from '../../../domain/tar.ts';
import { pageByKey, pathOf } from '../cursors.ts';
import { recordingRow, tarRow, type TarsRecord, type UploadsRecord } from '../rows.ts';
import { RECORDING, TAR_OF_T } from './columns.ts';
import type { Tenure } from '../../../domain/lease.ts';
import type { Database } from './database.ts';
import { transactionUnder, underTenure } from './leases.ts';
import { constraintOf } from './pg-faults.ts';
import { manyRows, type Scope } from './recordings.ts';
import { NOW, statement, type Statement } from './statement.ts';

const PAGE = 500;

/** Nothing of the tar is open: neither its own rows (a failure of the tar itself is one) nor the shared ones. */
const ALL_SUCCESS = `
NOT EXISTS (SELECT 1 FROM uploads u WHERE u.site = t.site AND coalesce(u.tar, '') = t.path AND u.status <> 'SUCCESS')
AND (t.shared IS NULL OR NOT EXISTS (
  SELECT 1 FROM jsonb_array_elements_text(t.shared::jsonb) AS s (path)
    LEFT JOIN uploads u ON u.site = t.site AND u.wav_path = s.path WHERE u.status IS DISTINCT FROM 'SUCCESS'))`;

const DUE = statement(
  `SELECT ${TAR_OF_T} FROM extracted_tars t WHERE t.site = $1 AND t.receipt_for IS DISTINCT FROM t.sha256 AND t.sha256 IS NOT NULL
     AND t.path > $2 AND ${ALL_SUCCESS} AND ($4::text IS NULL OR t.timestamp <= $4
       AND NOT EXISTS (SELECT 1 FROM uploads u WHERE u.site = t.site AND u.tar = t.path AND u.timestamp > $4))
   ORDER BY t.path LIMIT $3`,
);
const HEAD = statement(
  `SELECT ${TAR_OF_T} FROM extracted_tars t WHERE t.site = $1 AND t.receipt_seq IS NOT NULL ORDER BY t.receipt_seq DESC LIMIT 1`,
);
const OPEN = statement(
  `SELECT ${TAR_OF_T} FROM extracted_tars t WHERE t.site = $1 AND t.receipt_intent IS NOT NULL`,
);
// a unique index holds that there is one; and a process that read the head of the chain before another one went on is too late
const INTEND = statement(
  `UPDATE extracted_tars SET receipt_intent = $3 WHERE site = $1 AND path = $2
     AND NOT EXISTS (SELECT 1 FROM extracted_tars WHERE site = $1 AND receipt_intent IS NOT NULL AND path <> $2)
     AND NOT EXISTS (SELECT 1 FROM extracted_tars WHERE site = $1 AND receipt_seq >= $4)`,
);
const WITHDRAW = statement('UPDATE extracted_tars SET receipt_intent = NULL WHERE site = $1 AND path = $2');
const LOCK_TAR = statement(
  `SELECT ${TAR_OF_T} FROM extracted_tars t WHERE t.site = $1 AND t.path = $2 FOR UPDATE`,
);
const CONFIRM = statement(
  `UPDATE extracted_tars SET receipt_for = $3, receipt_seq = $4, receipts = $5, receipt_intent = NULL WHERE site = $1 AND path = $2`,
);

const REMOVED_AT = { extracted: 'extracted_removed_at', incoming: 'incoming_removed_at' } as const;

// a tar of which nothing was taken stays: its recordings may bear a name that no rule expected
const dueForCleanup = (column: string): Statement =>
  statement(
    `SELECT ${TAR_OF_T} FROM extracted_tars t WHERE t.site = $1 AND (t.extracted_removed_at IS NULL OR t.incoming_removed_at IS NULL)
       AND t.${column} IS NULL AND t.sha256 IS NOT NULL AND t.recordings > 0 AND t.path > $2 AND t.timestamp <= $4 AND ${ALL_SUCCESS}
       AND (NOT $5::boolean OR t.receipt_for IS NOT DISTINCT FROM t.sha256)
       AND NOT EXISTS (SELECT 1 FROM uploads u WHERE u.site = t.site AND u.tar = t.path AND u.timestamp > $4)
     ORDER BY t.path LIMIT $3`,
  );
const mark = (column: string): Statement =>
  statement(`UPDATE extracted_tars SET ${column} = ${NOW} WHERE site = $1 AND path = $2`);
const CLEANUP = {
  extracted: { due: dueForCleanup(REMOVED_AT.extracted), mark: mark(REMOVED_AT.extracted) },
  incoming: { due: dueForCleanup(REMOVED_AT.incoming), mark: mark(REMOVED_AT.incoming) },
};
const OF_VERSION = statement(
  `SELECT ${RECORDING} FROM uploads WHERE site = $1 AND tar = $2 AND wav_path <> tar AND tar_mtime_ms IS NOT DISTINCT FROM $3::bigint
     AND rowid > $4 ORDER BY rowid LIMIT $5`,
);

/**
 * Which tars are wholly uploaded, and what was done about it: their receipts, the removal of their files. With a tenure its writes throw
 * LEASE_LOST once another process has the lease.
 */
export function receiptMethods(db: Database, { site }: Pick<Scope, 'site'>, tenure?: Tenure): ReceiptLedger {
  const { query } = db;
  const write = async (text: Statement, ...values: readonly unknown[]): Promise<number> =>
    (await underTenure(db, site, tenure, (within) => within(text, [site, ...values]))).changed;
  const tars = async (found: Statement, ...values: readonly unknown[]): Promise<TarsRecord[]> =>
    (await query<TarsRecord>(found, [site, ...values])).rows;
  return {
    due: async ({ after, limit, before }) =>
      pageByKey(await tars(DUE, pathOf(after), limit, before ?? null), limit, ({ path }) => path, tarRow),
    head: async () => {
      const [record] = await tars(HEAD);
      return record === undefined ? undefined : tarRow(record).receipts.at(-1);
    },
    pending: async () => {
      const [record] = await tars(OPEN);
      if (record === undefined || record.receipt_intent === null) return undefined;
      return { tar: tarRow(record), intent: JSON.parse(record.receipt_intent) as ReceiptIntent };
    },
    begin: async (path, intent) => {
      try {
        return (await write(INTEND, path, JSON.stringify(intent), intent.seq)) === 1;
      } catch (error) {
        if (isPlaceTaken(error)) return false; // another one was quicker by a moment
        throw error;
      }
    },
    withdraw: async (path) => {
      await write(WITHDRAW, path);
    },
    confirm: async (path, { seq, key, sha256, tarSha256 }) => {
      await transactionUnder(db, site, tenure, async (query) => {
        const [record] = (await query<TarsRecord>(LOCK_TAR, [site, path])).rows;
        // one that comes late, after another process has confirmed it, changes nothing
        const isNoted = (JSON.parse(record?.receipt_intent ?? '{}') as Partial<ReceiptIntent>).seq === seq;
        if (record === undefined || !isNoted) return;
        const before = tarRow(record).receipts.filter((receipt) => receipt.seq !== seq);
        const receipts = JSON.stringify([...before, { seq, key, sha256, tarSha256 }]);
        await query(CONFIRM, [site, path, tarSha256, seq, receipts]);
      });
    },
    async *recordingsOf(tar) {
      for (let after = 0; ;) {
        const version = [tar.path, tar.mtimeMs ?? null];
        const { rows } = await query<UploadsRecord>(OF_VERSION, [site, ...version, after, PAGE]);
        const last = rows.at(-1);
        if (last === undefined) break;
        yield rows.map(recordingRow);
        after = last.rowid;
      }
      for (let at = 0; at < tar.shared.length; at += PAGE)
        yield await manyRows(query, site, tar.shared.slice(at, at + PAGE));
    },
    dueForCleanup: async ({ what, withReceipt, after, limit, before }) => {
      const found = await tars(CLEANUP[what].due, pathOf(after), limit, before, withReceipt);
      return pageByKey(found, limit, ({ path }) => path, tarRow);
    },
    markCleaned: async (path, what) => {
      await write(CLEANUP[what].mark, path);
    },
  };
}

function isPlaceTaken(error: unknown): boolean {
  const broken = constraintOf(error instanceof Error ? error.cause : undefined) ?? constraintOf(error);
  return broken === 'tars_receipt_intent';
}
