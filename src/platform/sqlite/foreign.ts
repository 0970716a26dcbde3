import { Buffer } from 'node:buffer';
import { closeSync, existsSync, openSync, statSync } from 'node:fs';
import { open } from 'node:fs/promises';
import Database from 'better-sqlite3';
import { WavspoolError, errnoOf, messageOf } from '../../domain/faults.ts';
import { openedAsNamed } from '../linux/index.ts';
import { isBusy, whileBusy } from './busy.ts';
import { fileOf, isDamage, type Sqlite } from './open.ts';

// Databases that other programs own and write to. They are never made, changed or checkpointed while their owner runs.

/** How long a lock of the owner is waited for. */
const BUSY_MS = 10_000;
/** So much is copied before the copy looks whether it is still wanted: 40 MiB of 4 KiB pages. */
const PAGES_PER_STEP = 10_000;
const POLL_MS = 0.3;
const ALL_PAGES = 2 ** 31 - 1;
/** https://www.sqlite.org/fileformat.html, 1.3. */
const MAGIC = Buffer.from('SQLite format 3\0');
const HEADER_BYTES = 100;
const WRITE_VERSION_AT = 18;
const WAL_VERSION = 2;

/**
 * Opens a database that another program owns. Read-write, because a WAL that a crash left can be read in no other way; no
 * checkpoint happens while it is open. Throws DATABASE_MISSING, DATABASE_BUSY or DATABASE_DAMAGED, the last also for an
 * empty file beside a log that holds something: SQLite would remove that log, with what is left of the database. Throws PATH_UNSAFE
 * where root was led to a file that the owner of its directory could not open (P13).
 */
export function openForeign(path: string): Sqlite {
  if (!existsSync(path)) {
    throw new WavspoolError('DATABASE_MISSING', `${path}: there is no such database`);
  }
  refuseEmptied(path);
  return asDatabaseFault(path, () => openedAsNamed(path, () => openAndRead(path), fileOf));
}

function openAndRead(path: string): Sqlite {
  const db = new Database(path, { fileMustExist: true, timeout: BUSY_MS });
  try {
    db.pragma('wal_autocheckpoint = 0');
    db.pragma('trusted_schema = OFF');
    inTurn(db, () => db.prepare('SELECT count(*) FROM sqlite_schema').get()); // opening alone reads nothing
    return db;
  } catch (error) {
    db.close();
    throw error;
  }
}

/** By its size alone: closing a descriptor of it would drop the locks that SQLite holds on it in this process. */
function refuseEmptied(path: string): void {
  if (statSync(path).size > 0) return;
  const log = ['-wal', '-journal'].find(
    (part) => (statSync(path + part, { throwIfNoEntry: false })?.size ?? 0) > 0,
  );
  if (log === undefined) return;
  const problem = `${path} is empty, and ${path}${log} beside it holds what may be left of it: nothing was touched`;
  throw new WavspoolError('DATABASE_DAMAGED', problem);
}

/**
 * Opens a copy that is not written to, such as a snapshot, to read it. Throws DATABASE_MISSING or DATABASE_DAMAGED.
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
 * Begins a read that sees one state of the database until `ROLLBACK`, whatever others commit meanwhile. In WAL mode no program
 * waits for it; in the other modes commits wait until it ends. It blocks its thread until it gets its turn. Throws
 * DATABASE_BUSY or DATABASE_DAMAGED.
 */
export function pin(db: Sqlite): void {
  inTurn(db, () => {
    db.exec('BEGIN');
    db.prepare('SELECT 1 FROM sqlite_schema').get(); // BEGIN alone pins nothing
  });
}

/** A writer in a rollback mode that never rests leaves gaps below a millisecond. */
function inTurn(db: Sqlite, step: () => void): void {
  db.pragma('busy_timeout = 0');
  const stepOrNothing = (): void => {
    try {
      step();
    } catch (error) {
      if (db.inTransaction) db.exec('ROLLBACK');
      throw error;
    }
  };
  asDatabaseFault(db.name, () => whileBusy(stepOrNothing, BUSY_MS, POLL_MS));
  db.pragma(`busy_timeout = ${BUSY_MS}`);
}

/**
 * Copies the pinned state of `db`, page by page, into a new database file `target`. Without a pin, a commit of another
 * process would restart the copy, for ever if there are enough of them. Throws DATABASE_DAMAGED, DISK_FULL, or the abort's
 * reason.
 */
export async function copyPinned(db: Sqlite, target: string, signal: AbortSignal): Promise<void> {
  try {
    closeSync(openSync(target, 'wx', 0o600)); // SQLite would make it for every user to read (P9)
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

/**
 * Replaces the content of the database at `target`, which others may have open and write to, by that of `source`, in one
 * transaction: they see the old content or the new one, and so does a process that opens it after a crash. Its journal mode stays.
 * Both must have the same page size. Throws DATABASE_BUSY, DATABASE_DAMAGED or DISK_FULL.
 */
export async function copyInto(source: Sqlite, target: string, signal: AbortSignal): Promise<void> {
  const inTime = AbortSignal.any([signal, AbortSignal.timeout(3 * BUSY_MS)]);
  try {
    await source.backup(target, {
      progress: () => {
        inTime.throwIfAborted();
        return ALL_PAGES; // in one step: no other program may write in between
      },
    });
  } catch (error) {
    signal.throwIfAborted();
    if (inTime.aborted) {
      const message = `${target}: other programs have kept it locked for ${(3 * BUSY_MS) / 1000} s`;
      throw new WavspoolError('DATABASE_BUSY', message, { cause: error });
    }
    throw databaseFault(target, error);
  }
}

/** Bytes of a page. */
export function pageSize(db: Sqlite): number {
  return db.pragma('page_size', { simple: true }) as number;
}

/**
 * Makes a fresh copy a file that stands alone: out of WAL mode, so that reading it makes no file beside it. Opening it for a
 * restore into a database in WAL mode leaves that one in its mode. Throws DATABASE_UNUSABLE or DISK_FULL.
 */
export function consolidateCopy(path: string, journalMode = 'delete'): void {
  setJournalMode(path, 'DELETE');
  if (journalMode === 'wal') setJournalMode(path, 'WAL'); // it goes on as its database did, once it is in its place
}

function setJournalMode(path: string, mode: 'DELETE' | 'WAL'): void {
  asDatabaseFault(path, () => {
    const db = new Database(path, { fileMustExist: true });
    try {
      db.pragma('trusted_schema = OFF');
      db.pragma(`journal_mode = ${mode}`);
    } finally {
      db.close();
    }
  });
}

/** What the first bytes of a file say of it: whether it is a database, and in WAL mode. Not for one that this process has open. */
export async function headerOf(
  path: string,
): Promise<{ readonly isDatabase: boolean; readonly isWal: boolean }> {
  const file = await open(path, 'r');
  try {
    const { buffer } = await file.read(Buffer.alloc(HEADER_BYTES), 0, HEADER_BYTES, 0);
    const isDatabase = buffer.subarray(0, MAGIC.length).equals(MAGIC);
    return { isDatabase, isWal: isDatabase && buffer[WRITE_VERSION_AT] === WAL_VERSION };
  } finally {
    await file.close();
  }
}

/** Puts a database that no other process has open into WAL mode. Throws DATABASE_UNUSABLE or DISK_FULL. */
export function setWalMode(path: string): void {
  setJournalMode(path, 'WAL');
}

/** Loads SQLite itself, which else happens when the first database is opened. */
export function prepareSqlite(): void {
  new Database(':memory:').close();
}

/** Runs `use`, turning a SQLite error into DATABASE_BUSY, DATABASE_DAMAGED, DISK_FULL or DATABASE_UNUSABLE. */
export function asDatabaseFault<T>(path: string, use: () => T): T {
  try {
    return use();
  } catch (error) {
    throw databaseFault(path, error);
  }
}

/** A SQLite error about another program's database as a fault of ours; one that is ours already stays as it is. */
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

/** The journal mode of an open database. */
export function journalModeIn(db: Sqlite): string {
  return String(asDatabaseFault(db.name, () => db.pragma('journal_mode', { simple: true })));
}

/** The journal mode of the database at `path`: `wal`, `delete`, … Throws as {@link openForeign}. */
export function journalModeOf(path: string): string {
  const db = openForeign(path);
  try {
    return journalModeIn(db);
  } finally {
    db.close();
  }
}

/**
 * Whether another process has a lock on the database at `path`: in WAL mode each that has it open, in the other modes one that is
 * in a transaction. Locks are the kernel's, so those of other containers count, which `/proc` does not show.
 */
export function isOpenElsewhere(path: string): boolean {
  const db = new Database(path, { fileMustExist: true, timeout: 0 });
  try {
    db.pragma('locking_mode = EXCLUSIVE');
    db.exec('BEGIN EXCLUSIVE');
    return false;
  } catch (error) {
    if (isBusy(error)) return true;
    if (isDamage(error)) return false; // so damaged that no program can have it open through SQLite, or tell
    throw databaseFault(path, error);
  } finally {
    db.close();
  }
}
