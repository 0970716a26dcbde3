import { existsSync } from 'node:fs';
import Database from 'better-sqlite3';
import { WavspoolError, errnoOf, messageOf } from '../faults.ts';
import type { Sqlite } from './open.ts';

// Databases that other programs own and write to. They are never made, changed or checkpointed while their owner runs.

/** How long a lock of the owner is waited for. */
const BUSY_MS = 10_000;
/** So much is copied before the copy looks whether it is still wanted: 40 MiB of 4 KiB pages. */
const PAGES_PER_STEP = 10_000;

/**
 * Opens a database that another program owns. Read-write, because a WAL that a crash left can be read in no other way; no
 * checkpoint happens while it is open. Throws DATABASE_MISSING, DATABASE_BUSY or DATABASE_DAMAGED.
 */
export function openForeign(path: string): Sqlite {
  if (!existsSync(path)) {
    throw new WavspoolError('DATABASE_MISSING', `${path}: there is no such database`);
  }
  return asDatabaseFault(path, () => {
    const db = new Database(path, { fileMustExist: true, timeout: BUSY_MS });
    try {
      db.pragma('wal_autocheckpoint = 0');
      db.pragma('trusted_schema = OFF');
      db.prepare('SELECT count(*) FROM sqlite_schema').get(); // opening alone reads nothing
      return db;
    } catch (error) {
      db.close();
      throw error;
    }
  });
}

/**
 * Opens a copy that nobody writes to, such as a snapshot, to read it. Throws DATABASE_MISSING or DATABASE_DAMAGED.
 */
export function openCopy(path: string): Sqlite {
  if (!existsSync(path)) throw new WavspoolError('DATABASE_MISSING', `${path}: there is no such file`);
  return asDatabaseFault(path, () => {
    const db = new Database(path, { readonly: true, fileMustExist: true });
    db.pragma('trusted_schema = OFF');
    return db;
  });
}

/**
 * Begins a read that sees one state of the database until `ROLLBACK`, whatever others commit meanwhile. In WAL mode nobody
 * waits for it; in the other modes commits wait until it ends.
 */
export function pin(db: Sqlite): void {
  asDatabaseFault(db.name, () => {
    db.exec('BEGIN');
    db.prepare('SELECT 1 FROM sqlite_schema').get(); // BEGIN alone pins nothing
  });
}

/**
 * Copies the pinned state of `db`, page by page, into a new database file `target`. Without a pin, a commit of another
 * process would restart the copy, for ever if there are enough of them. Throws DATABASE_DAMAGED, DISK_FULL, or the abort's
 * reason.
 */
export async function copyPinned(db: Sqlite, target: string, signal: AbortSignal): Promise<void> {
  try {
    await db.backup(target, {
      progress: () => {
        signal.throwIfAborted();
        return PAGES_PER_STEP;
      },
    });
  } catch (error) {
    signal.throwIfAborted();
    throw databaseFault(db.name, error);
  }
}

/** Runs `use`, turning a SQLite error into DATABASE_BUSY, DATABASE_DAMAGED, DISK_FULL or DATABASE_UNUSABLE. */
export function asDatabaseFault<T>(path: string, use: () => T): T {
  try {
    return use();
  } catch (error) {
    throw databaseFault(path, error);
  }
}

/** A SQLite error about a database of somebody else's as a fault of ours; one that is ours already stays as it is. */
export function databaseFault(path: string, error: unknown): WavspoolError {
  if (error instanceof WavspoolError) return error;
  const code = errnoOf(error) ?? '';
  const said = messageOf(error);
  const options = { cause: error };
  if (code.startsWith('SQLITE_BUSY') || code.startsWith('SQLITE_LOCKED')) {
    const message = `${path}: another program has kept it locked for ${BUSY_MS / 1000} s`;
    return new WavspoolError('DATABASE_BUSY', message, options);
  }
  if (code === 'SQLITE_NOTADB')
    return new WavspoolError('DATABASE_DAMAGED', `${path} is not a SQLite database`, options);
  if (code.startsWith('SQLITE_CORRUPT'))
    return new WavspoolError('DATABASE_DAMAGED', `${path} is damaged: ${said}`, options);
  if (code === 'SQLITE_FULL' || code === 'ENOSPC') {
    return new WavspoolError('DISK_FULL', `no room for a copy of ${path}`, options);
  }
  return new WavspoolError('DATABASE_UNUSABLE', `${path}: ${said}`, options);
}

/** The journal mode of the database at `path`: `wal`, `delete`, … Throws as {@link openForeign}. */
export function journalModeOf(path: string): string {
  const db = openForeign(path);
  try {
    return String(asDatabaseFault(path, () => db.pragma('journal_mode', { simple: true })));
  } finally {
    db.close();
  }
}
