import { join } from 'node:path';
import type { AuditList, AuditRequest, LedgerCatalogue, RestoredTar } from '../../../domain/ledger.ts';
import type { TarReceipt } from '../../../domain/tar.ts';
import { auditedRow, tarRow, type AuditedRecord, type TarsRecord } from '../rows.ts';
import { TAR_OF_T } from './columns.ts';
import type { Database } from './database.ts';
import type { Scope } from './recordings.ts';
import { statement, type Query } from './statement.ts';

type AuditMethods = Pick<LedgerCatalogue, 'audit' | 'lackingRows' | 'restoreTar'>;

const PAGE = 1000;
const CHUNK = 5000;

const LACKING = statement(
  `SELECT ${TAR_OF_T} FROM extracted_tars t WHERE t.site = $1 AND t.wavs IS NOT NULL AND t.wavs <>
     (SELECT count(*) FROM uploads u WHERE u.site = $1 AND u.tar = t.path AND u.wav_path <> u.tar
        AND u.tar_mtime_ms IS NOT DISTINCT FROM t.mtime_ms AND u.cause IS DISTINCT FROM 'refused')
     + (SELECT count(*) FROM jsonb_array_elements_text(coalesce(t.shared, '[]')::jsonb) AS s (path)
        JOIN uploads u ON u.site = $1 AND u.wav_path = s.path)
   ORDER BY t.path`,
);

// Checking a bucket takes hours, and a transaction that is open for as long would keep dead rows from being removed. So the list is
// copied at once into a temporary table of a connection of its own, in the order of S3's listings.
const MAKE_LIST = statement(
  `CREATE TEMPORARY TABLE audited (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, path text, key text, tar text, size bigint,
     sha256 text, etag text)`,
);
const OBJECT_KEY = `CASE WHEN key IS NOT NULL THEN key
  WHEN starts_with(wav_path, $3) THEN $2 || substr(wav_path, length($3) + 1) END`;
const FILL_LIST = statement(
  `INSERT INTO audited (path, key, tar, size, sha256, etag)
   SELECT wav_path, ${OBJECT_KEY}, tar, size, sha256, etag FROM uploads
   WHERE site = $1 AND status = 'SUCCESS' AND ($4::text IS NULL OR timestamp >= $4) AND ($5::bigint IS NULL OR wav_path IN (
     SELECT wav_path FROM uploads WHERE site = $1 AND status = 'SUCCESS' AND ($4::text IS NULL OR timestamp >= $4)
     ORDER BY random() LIMIT $5))
   ORDER BY (${OBJECT_KEY}) COLLATE "C" NULLS FIRST`,
);
const READ_LIST = statement(
  'SELECT id, path, key, tar, size, sha256, etag FROM audited WHERE id > $1 ORDER BY id LIMIT $2',
);

/** What an audit reads, and what its repairs and the rebuilding from receipts write. */
export function auditMethods(db: Database, scope: Scope): AuditMethods {
  const { site } = scope;
  return {
    audit: (request) => takeAudit(db, site, request),
    lackingRows: async () => (await db.query<TarsRecord>(LACKING, [site])).rows.map(tarRow),
    restoreTar: (tar) => db.transaction((query) => restoreTar(query, scope, tar)),
  };
}

async function takeAudit(
  db: Database,
  site: string,
  { prefix, extracted, since, sample }: AuditRequest,
): Promise<AuditList> {
  const session = await db.session();
  const { query } = session;
  try {
    await query(MAKE_LIST, []);
    const root = join(extracted, '/');
    const { changed } = await query(FILL_LIST, [site, prefix, root, since ?? null, sample ?? null]);
    return {
      rows: changed,
      async *inKeyOrder() {
        for (let last = 0; ;) {
          const { rows } = await query<AuditedRecord>(READ_LIST, [last, PAGE]);
          const final = rows.at(-1);
          if (final === undefined) return;
          yield rows.map(auditedRow);
          last = final.id;
        }
      },
      close: () => session.end(),
    };
  } catch (error) {
    await session.end();
    throw error;
  }
}

const VERSION = ['timestamp', 'size', 'mtime_ms', 'sha256', 'recordings', 'bytes', 'shared', 'wavs'] as const;

/** A row that knows more than its receipts, because its tar was extracted again since, keeps what it knows. */
function ofNewerVersion(column: (typeof VERSION)[number]): string {
  return `${column} = CASE WHEN t.receipt_for IS NOT DISTINCT FROM t.sha256 THEN excluded.${column} ELSE t.${column} END`;
}

const RECEIPTS = statement('SELECT receipts FROM extracted_tars WHERE site = $1 AND path = $2 FOR UPDATE');
const ADD_TAR = statement(
  `INSERT INTO extracted_tars AS t (site, path, timestamp, size, mtime_ms, sha256, recordings, bytes, shared, wavs, receipt_for,
     receipt_seq, receipts)
   VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $7, $6, $10, $11)
   ON CONFLICT (site, path) DO UPDATE SET receipts = excluded.receipts, receipt_seq = excluded.receipt_seq,
     receipt_for = excluded.receipt_for, ${VERSION.map(ofNewerVersion).join(', ')}
   WHERE coalesce(t.receipt_seq, 0) < excluded.receipt_seq`,
);
const ADD_RECORDINGS = statement(
  `INSERT INTO uploads (site, status, retry_count, tar, tar_mtime_ms, wav_path, timestamp, member, size, sha256, store, key, etag,
     version_id, duration_ms)
   SELECT $1, 'SUCCESS', 0, $2, $3, wav_path, timestamp, member, size, sha256,
     $4, CASE WHEN NOT EXISTS (SELECT 1 FROM uploads u WHERE u.store = $4 AND u.key = i.key) THEN i.key END, etag, version_id, duration_ms
   FROM unnest($5::text[], $6::text[], $7::text[], $8::bigint[], $9::text[], $10::text[], $11::text[], $12::text[], $13::bigint[])
     AS i (wav_path, timestamp, member, size, sha256, key, etag, version_id, duration_ms)
   ORDER BY wav_path COLLATE "C" ON CONFLICT (site, wav_path) DO NOTHING`,
);
const NOT_OWN = statement(
  `SELECT wav_path AS path FROM uploads WHERE site = $1 AND wav_path = ANY ($4)
     AND (tar IS DISTINCT FROM $2 OR tar_mtime_ms IS DISTINCT FROM $3)`,
);

async function restoreTar(query: Query, { site, store }: Scope, tar: RestoredTar): Promise<number> {
  const version = [site, tar.path, tar.mtimeMs];
  const shared = new Set<string>();
  let added = 0;
  for (let at = 0; at < tar.recordings.length; at += CHUNK) {
    const part = [...new Map(tar.recordings.slice(at, at + CHUNK).map((one) => [one.path, one])).values()];
    const of = (column: (row: (typeof part)[number]) => unknown): unknown[] =>
      part.map((row) => column(row) ?? null);
    const paths = of(({ path }) => path);
    added += (
      await query(ADD_RECORDINGS, [
        ...version,
        store,
        paths,
        of(({ timestamp }) => timestamp),
        of(({ member }) => member),
        of(({ size }) => size),
        of(({ sha256 }) => sha256),
        of(({ key }) => key),
        of(({ etag }) => etag),
        of(({ versionId }) => versionId),
        of(({ durationMs }) => durationMs),
      ])
    ).changed;
    for (const { path } of (await query<{ path: string }>(NOT_OWN, [...version, paths])).rows)
      shared.add(path);
  }
  const [row] = (await query<{ receipts: string | null }>(RECEIPTS, [site, tar.path])).rows;
  const before = JSON.parse(row?.receipts ?? '[]') as TarReceipt[];
  const receipts = [...before.filter(({ seq }) => seq !== tar.receipt.seq), tar.receipt].toSorted(
    (a, b) => a.seq - b.seq,
  );
  const bytes = tar.recordings.reduce((sum, { size }) => sum + size, 0);
  const figures = [tar.timestamp, tar.size, tar.mtimeMs, tar.sha256, tar.recordings.length, bytes];
  const list = tar.recordings.flatMap(({ path }) => (shared.has(path) ? [path] : []));
  const json = list.length === 0 ? null : JSON.stringify(list);
  await query(ADD_TAR, [site, tar.path, ...figures, json, tar.receipt.seq, JSON.stringify(receipts)]);
  return added;
}
