import { join } from 'node:path';
import type { Sqlite, Write } from '../../sqlite/index.ts';
import type { Plain } from './plain.ts';
import { auditedRow, tarRow, type AuditedRecord, type TarsRecord } from '../rows.ts';
import type { AuditList, AuditRequest, LedgerCatalogue, RestoredTar } from '../../../domain/ledger.ts';

type AuditMethods = Pick<Plain<LedgerCatalogue>, 'audit' | 'lackingRows' | 'restoreTar'>;

const PAGE = 1000;

// Checking a bucket takes hours, and an open read transaction would keep the WAL from shrinking for as long. So the list
// is copied at once into a temporary table of this connection: on disk, in the order of S3's listings, gone with the process.
const LIST = `
INSERT INTO temp.audited (path, key, tar, size, sha256, etag)
SELECT wav_path, CASE WHEN key IS NOT NULL THEN key
  WHEN substr(wav_path, 1, length(@root)) = @root THEN @prefix || substr(wav_path, length(@root) + 1) END AS object_key, tar, size, sha256, etag
FROM uploads WHERE status = 'SUCCESS' AND (@since IS NULL OR timestamp >= @since) AND (@sample IS NULL OR wav_path IN (
  SELECT wav_path FROM uploads WHERE status = 'SUCCESS' AND (@since IS NULL OR timestamp >= @since)
  ORDER BY random() LIMIT @sample))
ORDER BY object_key`;

/** What an audit reads, and what its repairs and the rebuilding from receipts write. */
export function auditMethods(db: Sqlite, write: Write): AuditMethods {
  const lacking = db.prepare(
    `SELECT t.* FROM extracted_tars t WHERE wavs IS NOT NULL AND wavs <>
       (SELECT count(*) FROM uploads u WHERE u.tar = t.path AND u.wav_path <> u.tar AND u.tar_mtime_ms IS t.mtime_ms
          AND u.cause IS NOT 'refused')
       + (SELECT count(*) FROM json_each(t.shared) s JOIN uploads u ON u.wav_path = s.value)
     ORDER BY path`,
  );
  return {
    audit: (request) => takeAudit(db, request),
    lackingRows: () => (lacking.all() as TarsRecord[]).map(tarRow),
    restoreTar: tarRestorer(db, write),
  };
}

function takeAudit(db: Sqlite, { prefix, extracted, since, sample }: AuditRequest): Plain<AuditList> {
  db.exec(`CREATE TEMP TABLE IF NOT EXISTS audited (
    id INTEGER PRIMARY KEY, path TEXT, key TEXT, tar TEXT, size INTEGER, sha256 TEXT, etag TEXT);
    DELETE FROM temp.audited;`);
  const { changes } = db.prepare(LIST).run({
    prefix,
    root: join(extracted, '/'),
    since: since ?? null,
    sample: sample ?? null,
  });
  const page = db.prepare('SELECT * FROM temp.audited WHERE id > ? ORDER BY id LIMIT ?');
  return {
    rows: changes,
    *inKeyOrder() {
      for (let last = 0; ;) {
        const records = page.all(last, PAGE) as AuditedRecord[];
        const end = records.at(-1);
        if (end === undefined) return;
        yield records.map(auditedRow);
        last = end.id;
      }
    },
    close: () => {
      db.exec('DELETE FROM temp.audited');
    },
  };
}

const VERSION = ['timestamp', 'size', 'mtime_ms', 'sha256', 'recordings', 'bytes', 'shared', 'wavs'] as const;

/** A row that knows more than its receipts, because its tar was extracted again since, keeps what it knows. */
function ofNewerVersion(column: (typeof VERSION)[number]): string {
  return `${column} = CASE WHEN receipt_for IS sha256 THEN excluded.${column} ELSE ${column} END`;
}

function tarRestorer(db: Sqlite, write: Write): (tar: RestoredTar) => Promise<number> {
  const addTar = db.prepare(
    `INSERT INTO extracted_tars (path, timestamp, size, mtime_ms, sha256, recordings, bytes, shared, wavs, receipt_for, receipt_seq, receipts)
     VALUES (@path, @timestamp, @size, @mtimeMs, @sha256, @recordings, @bytes, @shared, @recordings, @sha256, @seq, @receipts)
     ON CONFLICT (path) DO UPDATE SET receipts = excluded.receipts, receipt_seq = excluded.receipt_seq,
       receipt_for = excluded.receipt_for, ${VERSION.map(ofNewerVersion).join(', ')}
     WHERE coalesce(receipt_seq, 0) < excluded.receipt_seq`,
  );
  const receiptsOf = db.prepare('SELECT receipts FROM extracted_tars WHERE path = ?').pluck();
  const addRecording = db.prepare(
    `INSERT INTO uploads (wav_path, status, timestamp, retry_count, tar, member, size, sha256, key, etag, version_id, duration_ms, tar_mtime_ms)
     VALUES (@path, 'SUCCESS', @timestamp, 0, @tar, @member, @size, @sha256, @key, @etag, @versionId, @durationMs, @tarMtimeMs)
     ON CONFLICT (wav_path) DO NOTHING`,
  );
  const ownedBy = db.prepare('SELECT tar, tar_mtime_ms FROM uploads WHERE wav_path = ?');
  return (tar) =>
    write(() => {
      let added = 0;
      const shared: string[] = [];
      for (const recording of tar.recordings) {
        const row = { ...recording, versionId: recording.versionId ?? null };
        const { changes } = addRecording.run({
          ...row,
          durationMs: recording.durationMs ?? null,
          tar: tar.path,
          tarMtimeMs: tar.mtimeMs,
        });
        added += changes;
        const owner = ownedBy.get(recording.path) as { tar: string | null; tar_mtime_ms: number | null };
        if (owner.tar !== tar.path || owner.tar_mtime_ms !== tar.mtimeMs) shared.push(recording.path);
      }
      const before = JSON.parse((receiptsOf.get(tar.path) as string | null | undefined) ?? '[]') as {
        seq: number;
      }[];
      const receipts = [...before.filter(({ seq }) => seq !== tar.receipt.seq), tar.receipt];
      addTar.run({
        path: tar.path,
        timestamp: tar.timestamp,
        size: tar.size,
        mtimeMs: tar.mtimeMs,
        sha256: tar.sha256,
        recordings: tar.recordings.length,
        bytes: tar.recordings.reduce((sum, { size }) => sum + size, 0),
        shared: shared.length === 0 ? null : JSON.stringify(shared),
        seq: tar.receipt.seq,
        receipts: JSON.stringify(receipts.toSorted((a, b) => a.seq - b.seq)),
      });
      return added;
    });
}
