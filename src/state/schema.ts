import { WavspoolError } from '../faults.ts';
import type { Sqlite } from '../sqlite/index.ts';

/** `PRAGMA user_version` of the schema below. */
export const SCHEMA_VERSION = 5;

// The columns that come first are a contract with SQL and scripts outside of wavspool; the others are ours to extend.
const TABLES = `
CREATE TABLE IF NOT EXISTS extracted_tars (path TEXT PRIMARY KEY, timestamp TEXT);
CREATE TABLE IF NOT EXISTS uploads (
  wav_path TEXT PRIMARY KEY, status TEXT, timestamp TEXT, error_message TEXT, retry_count INTEGER DEFAULT 0
);`;

const COLUMNS = {
  extracted_tars: {
    path: 'TEXT',
    timestamp: 'TEXT',
    size: 'INTEGER', // bytes
    mtime_ms: 'INTEGER', // ms since 1970
    sha256: 'TEXT', // of the file as it landed, compressed or not
    recordings: 'INTEGER', // members taken
    bytes: 'INTEGER', // of the members taken
    skipped: 'INTEGER', // members that are no recordings
    refused: 'INTEGER', // members that cannot be extracted safely
    shared: 'TEXT', // JSON: wav_paths whose bytes another tar, or another version of it, had brought already
    wavs: 'INTEGER', // distinct recordings: the rows of this version and the shared ones
    receipt_for: 'TEXT', // sha256 of the version that the last receipt is about
    receipt_seq: 'INTEGER', // of the last receipt, in the site's chain
    receipts: 'TEXT', // JSON: every receipt of this path
    receipt_intent: 'TEXT', // JSON: the receipt that is about to be written; at most one of the site
    extracted_removed_at: 'TEXT', // when cleanup removed its extracted files
    incoming_removed_at: 'TEXT', // when cleanup removed the tar itself
  },
  uploads: {
    wav_path: 'TEXT',
    status: 'TEXT',
    timestamp: 'TEXT',
    error_message: 'TEXT',
    retry_count: 'INTEGER DEFAULT 0',
    cause: 'TEXT',
    tar: 'TEXT', // absolute path; a row whose wav_path is its tar stands for a tar that could not be extracted
    member: 'TEXT', // its name in the tar
    size: 'INTEGER',
    sha256: 'TEXT',
    key: 'TEXT',
    etag: 'TEXT',
    version_id: 'TEXT',
    duration_ms: 'INTEGER',
    codec: 'TEXT',
    sample_rate: 'INTEGER',
    channels: 'INTEGER',
    wav_valid: 'INTEGER',
    tar_mtime_ms: 'INTEGER',
    batch: 'INTEGER', // which of its tar's upload jobs carries it beside others; NULL: one of its own
  },
} as const;

// uploads_all is the smallest index that has every row: SQLite counts them by it, 0.2 ms for a million instead of 60.
const INDEXES = `
CREATE INDEX IF NOT EXISTS uploads_status ON uploads (status, timestamp);
CREATE INDEX IF NOT EXISTS uploads_tar ON uploads (tar);
CREATE INDEX IF NOT EXISTS uploads_all ON uploads (retry_count);
CREATE INDEX IF NOT EXISTS uploads_failed_tars ON uploads (wav_path) WHERE wav_path = tar;
CREATE INDEX IF NOT EXISTS uploads_open ON uploads (tar) WHERE status <> 'SUCCESS';
CREATE INDEX IF NOT EXISTS uploads_open_rows ON uploads (status) WHERE status <> 'SUCCESS';
CREATE INDEX IF NOT EXISTS tars_without_receipt ON extracted_tars (path) WHERE receipt_for IS NOT sha256;
CREATE INDEX IF NOT EXISTS tars_receipt_seq ON extracted_tars (receipt_seq) WHERE receipt_seq IS NOT NULL;
CREATE INDEX IF NOT EXISTS tars_receipt_intent ON extracted_tars (path) WHERE receipt_intent IS NOT NULL;
CREATE INDEX IF NOT EXISTS tars_not_cleaned ON extracted_tars (path)
  WHERE extracted_removed_at IS NULL OR incoming_removed_at IS NULL;`;

/** What a take-over found in a `state.db` that another program had made; undefined when there was nothing to take over. */
export interface TakenOver {
  readonly tars: number;
  readonly uploads: number;
}

/**
 * Brings the database to {@link SCHEMA_VERSION} in one transaction; several processes may try at once. A `state.db` that
 * has only the contract's columns is taken over in place with every row kept. Throws STATE_TOO_NEW for a newer version
 * and STATE_UNUSABLE when a table of that name has other columns than the contract's.
 */
export function migrate(db: Sqlite, path: string): TakenOver | undefined {
  if (version(db) === SCHEMA_VERSION) return undefined;
  return db
    .transaction(() => {
      const found = version(db);
      if (found === SCHEMA_VERSION) return undefined;
      if (found > SCHEMA_VERSION) {
        throw new WavspoolError(
          'STATE_TOO_NEW',
          `${path} has schema version ${found}, this wavspool knows ${SCHEMA_VERSION} at most`,
        );
      }
      const old = found === 0 ? rowCounts(db) : undefined;
      db.exec(TABLES);
      for (const [table, columns] of Object.entries(COLUMNS)) addColumns(db, path, table, columns);
      db.exec(INDEXES);
      db.pragma(`user_version = ${SCHEMA_VERSION}`);
      return old;
    })
    .immediate();
}

function version(db: Sqlite): number {
  return Number(db.pragma('user_version', { simple: true }));
}

function rowCounts(db: Sqlite): TakenOver | undefined {
  const has = (table: string): boolean => columnsOf(db, table).length > 0;
  const count = (table: string): number =>
    has(table) ? Number(db.prepare(`SELECT count(*) FROM ${table}`).pluck().get()) : 0;
  if (!has('extracted_tars') && !has('uploads')) return undefined;
  return { tars: count('extracted_tars'), uploads: count('uploads') };
}

function addColumns(db: Sqlite, path: string, table: string, wanted: Readonly<Record<string, string>>): void {
  const present = columnsOf(db, table);
  const key = table === 'uploads' ? 'wav_path' : 'path';
  if (!present.includes(key)) {
    throw new WavspoolError(
      'STATE_UNUSABLE',
      `${path}: its table ${table} has no column ${key}, so it is not a state.db`,
    );
  }
  for (const [name, type] of Object.entries(wanted)) {
    if (!present.includes(name)) db.exec(`ALTER TABLE ${table} ADD COLUMN ${name} ${type}`);
  }
}

function columnsOf(db: Sqlite, table: string): readonly string[] {
  return db.prepare('SELECT name FROM pragma_table_info(?)').pluck().all(table) as string[];
}
