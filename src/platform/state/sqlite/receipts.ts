import type { ReceiptLedger } from '../../../domain/ledger.ts';
import type { RecordingRow } from '../../../domain/recording.ts';
import type { ReceiptIntent, TarReceipt, TarRow } from '../../../domain/tar.ts';
import { pageByKey, pathOf } from '../cursors.ts';
import type { Plain } from './plain.ts';
import { sqlTimestamp, type Clock } from '../../runtime/index.ts';
import type { Sqlite, Write } from '../../sqlite/index.ts';
import { recordingRow, tarRow, type TarsRecord, type UploadsRecord } from '../rows.ts';

type Methods = Plain<ReceiptLedger>;

const PAGE = 500;

/** Nothing of the tar is open: neither its own rows (a failure of the tar itself is one) nor the shared ones. */
const ALL_SUCCESS = `
NOT EXISTS (SELECT 1 FROM uploads u WHERE u.tar = t.path AND u.status <> 'SUCCESS')
AND (t.shared IS NULL OR NOT EXISTS (
  SELECT 1 FROM json_each(t.shared) s LEFT JOIN uploads u ON u.wav_path = s.value WHERE u.status IS NOT 'SUCCESS'))`;

const REMOVED_AT = { extracted: 'extracted_removed_at', incoming: 'incoming_removed_at' } as const;

/** Which tars are wholly uploaded, and what was done about it: their receipts, the removal of their files. */
export function receiptMethods(db: Sqlite, write: Write, clock: Clock): Methods {
  return { ...receipts(db, write), ...cleanup(db, write, clock), recordingsOf: versionReader(db) };
}

function receipts(
  db: Sqlite,
  write: Write,
): Pick<Methods, 'due' | 'head' | 'pending' | 'begin' | 'withdraw' | 'confirm'> {
  const due = db.prepare(
    `SELECT * FROM extracted_tars t WHERE receipt_for IS NOT sha256 AND sha256 IS NOT NULL AND path > @afterPath AND ${ALL_SUCCESS}
       AND (@before IS NULL OR timestamp <= @before
         AND NOT EXISTS (SELECT 1 FROM uploads u WHERE u.tar = t.path AND u.timestamp > @before))
     ORDER BY path LIMIT @limit`,
  );
  const head = db.prepare(
    'SELECT * FROM extracted_tars WHERE receipt_seq IS NOT NULL ORDER BY receipt_seq DESC LIMIT 1',
  );
  const open = db.prepare('SELECT * FROM extracted_tars WHERE receipt_intent IS NOT NULL');
  const intend = db.prepare(
    `UPDATE extracted_tars SET receipt_intent = @intent WHERE path = @path
     AND NOT EXISTS (SELECT 1 FROM extracted_tars WHERE receipt_intent IS NOT NULL AND path <> @path)`,
  );
  const withdraw = db.prepare('UPDATE extracted_tars SET receipt_intent = NULL WHERE path = ?');
  const confirm = db.prepare(
    `UPDATE extracted_tars SET receipt_for = @tarSha256, receipt_seq = @seq, receipts = @receipts, receipt_intent = NULL
     WHERE path = @path`,
  );
  const byPath = db.prepare('SELECT * FROM extracted_tars WHERE path = ?');
  return {
    due: ({ after, limit, before }) => {
      const records = due.all({ afterPath: pathOf(after), limit, before: before ?? null }) as TarsRecord[];
      return pageByKey(records, limit, ({ path }) => path, tarRow);
    },
    head: () => {
      const record = head.get() as TarsRecord | undefined;
      return record === undefined ? undefined : tarRow(record).receipts.at(-1);
    },
    pending: () => {
      const record = open.get() as TarsRecord | undefined;
      if (record === undefined || record.receipt_intent === null) return undefined;
      return { tar: tarRow(record), intent: JSON.parse(record.receipt_intent) as ReceiptIntent };
    },
    begin: (path, intent) => write(() => intend.run({ path, intent: JSON.stringify(intent) }).changes === 1),
    withdraw: (path) =>
      write(() => {
        withdraw.run(path);
      }),
    confirm: (path, { seq, key, sha256, tarSha256 }) =>
      write(() => {
        const record = byPath.get(path) as TarsRecord | undefined;
        const before: readonly TarReceipt[] = record === undefined ? [] : tarRow(record).receipts;
        const all = [...before.filter((receipt) => receipt.seq !== seq), { seq, key, sha256, tarSha256 }];
        confirm.run({ path, seq, tarSha256, receipts: JSON.stringify(all) });
      }),
  };
}

function cleanup(db: Sqlite, write: Write, clock: Clock): Pick<Methods, 'dueForCleanup' | 'markCleaned'> {
  // a tar of which nothing was taken stays: its recordings may bear a name that no rule expected
  const due = (column: string) =>
    db.prepare(
      `SELECT * FROM extracted_tars t WHERE (extracted_removed_at IS NULL OR incoming_removed_at IS NULL)
         AND ${column} IS NULL AND sha256 IS NOT NULL AND recordings > 0 AND path > @afterPath AND timestamp <= @before AND ${ALL_SUCCESS}
         AND (@withReceipt = 0 OR receipt_for IS sha256)
         AND NOT EXISTS (SELECT 1 FROM uploads u WHERE u.tar = t.path AND u.timestamp > @before)
       ORDER BY path LIMIT @limit`,
    );
  const mark = (column: string) => db.prepare(`UPDATE extracted_tars SET ${column} = ? WHERE path = ?`);
  const statements = {
    extracted: { due: due(REMOVED_AT.extracted), mark: mark(REMOVED_AT.extracted) },
    incoming: { due: due(REMOVED_AT.incoming), mark: mark(REMOVED_AT.incoming) },
  };
  return {
    dueForCleanup: ({ what, withReceipt, after, limit, before }) => {
      const request = { afterPath: pathOf(after), limit, before, withReceipt: withReceipt ? 1 : 0 };
      const records = statements[what].due.all(request) as TarsRecord[];
      return pageByKey(records, limit, ({ path }) => path, tarRow);
    },
    markCleaned: (path, what) =>
      write(() => {
        statements[what].mark.run(sqlTimestamp(clock.now()), path);
      }),
  };
}

function versionReader(db: Sqlite): (tar: TarRow) => Iterable<readonly RecordingRow[]> {
  const own = db.prepare(
    `SELECT rowid, * FROM uploads WHERE tar = @tar AND wav_path <> tar AND tar_mtime_ms IS @mtimeMs AND rowid > @after
     ORDER BY rowid LIMIT @limit`,
  );
  const byPath = db.prepare('SELECT rowid, * FROM uploads WHERE wav_path = ?');
  return function* recordingsOf(tar) {
    for (let after = 0; ;) {
      const page = own.all({
        tar: tar.path,
        mtimeMs: tar.mtimeMs ?? null,
        after,
        limit: PAGE,
      }) as UploadsRecord[];
      const last = page.at(-1);
      if (last === undefined) break;
      yield page.map(recordingRow);
      after = last.rowid;
    }
    for (let at = 0; at < tar.shared.length; at += PAGE)
      yield tar.shared.slice(at, at + PAGE).flatMap((path) => {
        const record = byPath.get(path) as UploadsRecord | undefined;
        return record === undefined ? [] : [recordingRow(record)];
      });
  };
}
