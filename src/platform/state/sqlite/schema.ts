import { WavspoolError } from '../../../domain/faults.ts';
import type { Sqlite } from '../../sqlite/index.ts';
import { IS_ODD, IS_ODD_TIME } from './normalise.ts';
import { IS_RECORDING } from './recordings.ts';

/** `PRAGMA user_version` of the schema below. */
export const SCHEMA_VERSION = 9;

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
    source_tar: 'TEXT', // the tar that its bytes are read from, where no file was made; NULL: the file at wav_path
    source_offset: 'INTEGER', // of its first byte in that tar
  },
} as const;

// uploads_all is the smallest index that has every row: SQLite counts them by it, 0.2 ms for a million instead of 60. uploads_failures
// has all that the status asks of failed rows, so that none of those is read for it.
const INDEXES = `
CREATE INDEX IF NOT EXISTS uploads_status ON uploads (status, timestamp);
CREATE INDEX IF NOT EXISTS uploads_tar ON uploads (tar);
CREATE INDEX IF NOT EXISTS uploads_all ON uploads (retry_count);
CREATE INDEX IF NOT EXISTS uploads_failed_tars ON uploads (wav_path) WHERE wav_path = tar;
CREATE INDEX IF NOT EXISTS uploads_open ON uploads (tar) WHERE status <> 'SUCCESS';
CREATE INDEX IF NOT EXISTS uploads_open_rows ON uploads (status) WHERE status <> 'SUCCESS';
CREATE INDEX IF NOT EXISTS uploads_failures ON uploads (cause, retry_count, timestamp) WHERE status = 'FAILED' AND ${IS_RECORDING};
DROP INDEX IF EXISTS uploads_odd; -- what it holds has changed
CREATE INDEX uploads_odd ON uploads (status) WHERE ${IS_ODD};
CREATE INDEX IF NOT EXISTS tars_odd ON extracted_tars (path) WHERE ${IS_ODD_TIME};
CREATE INDEX IF NOT EXISTS tars_without_receipt ON extracted_tars (path) WHERE receipt_for IS NOT sha256;
CREATE INDEX IF NOT EXISTS tars_receipt_seq ON extracted_tars (receipt_seq) WHERE receipt_seq IS NOT NULL;
CREATE INDEX IF NOT EXISTS tars_receipt_intent ON extracted_tars (path) WHERE receipt_intent IS NOT NULL;
CREATE INDEX IF NOT EXISTS tars_not_cleaned ON extracted_tars (path)
  WHERE extracted_removed_at IS NULL OR incoming_removed_at IS NULL;`;

/** The tables of a `state.db`, each with the column that its rows are known by. */
const KEYS = { extracted_tars: 'path', uploads: 'wav_path' } as const;
/** Every version of the schema has them; they tell wavspool's own tables from those that another program made. */
const MARKS = { extracted_tars: 'sha256', uploads: 'sha256' } as const;

/** What a database that is to be `state.db` is now. */
export type Found =
  /** It has no tables, so they are made. */
  | { readonly kind: 'empty' }
  /** wavspool made it, or has taken it over. */
  | { readonly kind: 'ours' }
  /** It has the contract's tables as another program made them. */
  | { readonly kind: 'another program’s'; readonly tars: number; readonly uploads: number };

/**
 * Looks at a database and changes nothing. Throws STATE_TOO_NEW for a newer version, and STATE_FOREIGN for one that belongs to
 * another program: other tables and none of these, a version number of its own, tables without their key.
 */
export function lookAt(db: Sqlite, path: string): Found {
  const found = version(db);
  const tables = db
    .prepare("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'")
    .pluck()
    .all() as string[];
  const mine = Object.keys(KEYS).filter((table) => columnsOf(db, table).length > 0);
  const isOurs = Object.entries(MARKS).every(([table, column]) => columnsOf(db, table).includes(column));
  if (found > SCHEMA_VERSION && (isOurs || tables.length === 0)) {
    throw new WavspoolError(
      'STATE_TOO_NEW',
      `${path} has schema version ${found}, this wavspool knows ${SCHEMA_VERSION} at most`,
    );
  }
  if (found === 0) refuseOtherKinds(db, path);
  if (tables.length === 0) return { kind: 'empty' };
  if (found > 0 && isOurs) return { kind: 'ours' };
  if (mine.length === 0)
    throw foreign(path, `it has the tables ${tables.join(', ')} and neither of wavspool’s`);
  if (found > 0)
    throw foreign(path, `another program has numbered its schema ${found} (PRAGMA user_version)`);
  requireKeys(db, path);
  const count = (table: string): number =>
    mine.includes(table) ? Number(db.prepare(`SELECT count(*) FROM ${table}`).pluck().get()) : 0;
  return { kind: 'another program’s', tars: count('extracted_tars'), uploads: count('uploads') };
}

/** Throws STATE_FOREIGN for a table without the column that its rows are known by. */
function requireKeys(db: Sqlite, path: string): void {
  for (const [table, key] of Object.entries(KEYS)) {
    const columns = columnsOf(db, table);
    if (columns.length > 0 && !columns.includes(key))
      throw foreign(path, `its table ${table} has no column ${key}`);
  }
}

/** Rows are found by their rowid: what has none, or is no table, cannot be worked with. Throws STATE_FOREIGN. */
function refuseOtherKinds(db: Sqlite, path: string): void {
  const kindOf = db.prepare(
    "SELECT type, wr AS isWithoutRowid FROM pragma_table_list WHERE schema = 'main' AND lower(name) = ?",
  );
  for (const table of Object.keys(KEYS)) {
    const kind = kindOf.get(table) as { readonly type: string; readonly isWithoutRowid: 0 | 1 } | undefined;
    if (kind === undefined) continue;
    if (kind.type !== 'table') throw foreign(path, `its ${table} is a ${kind.type}, no table`);
    if (kind.isWithoutRowid === 1) throw foreign(path, `its table ${table} is WITHOUT ROWID`);
  }
}

/** A database that wavspool cannot work with, for this reason. */
export function foreign(path: string, reason: string, options?: ErrorOptions): WavspoolError {
  return new WavspoolError(
    'STATE_FOREIGN',
    `${path} cannot be taken over: ${reason}. Nothing in it was changed`,
    options,
  );
}

/** Brings the database to {@link SCHEMA_VERSION} in one transaction; several processes may try at once. Every row is kept. */
export function migrate(db: Sqlite): void {
  if (version(db) === SCHEMA_VERSION) return;
  db.transaction(() => {
    if (version(db) === SCHEMA_VERSION) return;
    db.exec(TABLES);
    for (const [table, columns] of Object.entries(COLUMNS)) addColumns(db, table, columns);
    db.exec(INDEXES);
    db.pragma(`user_version = ${SCHEMA_VERSION}`);
  }).immediate();
}

function version(db: Sqlite): number {
  return Number(db.pragma('user_version', { simple: true }));
}

function addColumns(db: Sqlite, table: string, wanted: Readonly<Record<string, string>>): void {
  const present = columnsOf(db, table);
  for (const [name, type] of Object.entries(wanted)) {
    if (!present.includes(name)) db.exec(`ALTER TABLE ${table} ADD COLUMN ${name} ${type}`);
  }
}

function columnsOf(db: Sqlite, table: string): readonly string[] {
  return db.prepare('SELECT lower(name) FROM pragma_table_info(?)').pluck().all(table) as string[];
}
