import { closeSync, openSync } from 'node:fs';
import Database from 'better-sqlite3';
import { WavspoolError, errnoOf, messageOf } from '../../domain/faults.ts';
import { chmodAsNamed, openedAsNamed } from '../linux/index.ts';
import { isBusy, whileBusy } from './busy.ts';

export type Sqlite = Database.Database;

const PRIVATE = 0o600;
/** How long a statement may wait for another process's lock with the event loop blocked; longer waits are asynchronous. */
const BUSY_MS = 50;
/** How long opening waits: nothing else runs yet. */
const OPENING_MS = 5000;
const POLL_MS = 5;
/** A checkpoint happens about every 4 MB of WAL; the limit keeps a burst's WAL from staying on disk. */
const WAL_LIMIT_BYTES = 64 * 1024 * 1024;

/**
 * Opens (or makes) a SQLite database in WAL mode with `synchronous=FULL`, it and its `-wal` and `-shm` with mode 0600 (P9).
 * FULL, because P1 needs a commit to survive power loss; grouped commits make it affordable.
 * Throws STATE_DAMAGED when the file is no database or is damaged, STATE_UNUSABLE when it can't be opened, PATH_UNSAFE where root was
 * led to a file that the owner of its directory could not open (P13).
 */
export function openDatabase(path: string): Sqlite {
  let db: Sqlite | undefined;
  try {
    // SQLite gives -wal and -shm the mode of the database, so that mode is set before SQLite makes them
    makePrivate(path);
    const opened = openedAsNamed(path, () => new Database(path, { timeout: OPENING_MS }), fileOf);
    db = opened;
    whileBusy(() => opened.pragma('journal_mode = WAL'), OPENING_MS, POLL_MS); // SQLite itself makes no one wait for this
    opened.pragma('synchronous = FULL');
    opened.pragma(`journal_size_limit = ${WAL_LIMIT_BYTES}`);
    opened.pragma(`busy_timeout = ${BUSY_MS}`);
    return opened;
  } catch (error) {
    db?.close();
    if (error instanceof WavspoolError) throw error;
    throw new WavspoolError(
      isDamage(error) ? 'STATE_DAMAGED' : 'STATE_UNUSABLE',
      `${path} cannot be opened as a SQLite database: ${messageOf(error)}`,
      {
        cause: error,
      },
    );
  }
}

/** The database and what lies beside it are for their owner alone; an empty one is made where none is: several processes may begin at once. */
function makePrivate(path: string): void {
  if (!chmodAsNamed(path, PRIVATE)) makeEmpty(path);
  for (const beside of ['-wal', '-shm']) chmodAsNamed(path + beside, PRIVATE);
}

function makeEmpty(path: string): void {
  try {
    closeSync(openSync(path, 'wx', PRIVATE));
  } catch (error) {
    if (errnoOf(error) !== 'EEXIST') throw error;
  }
}

/** The path of the file of an open database, links resolved. */
export function fileOf(db: Sqlite): string {
  const [main] = db.pragma('database_list') as readonly { readonly file: string }[];
  return main?.file ?? db.name;
}

/** True when SQLite met bytes that no database has. */
export function isDamage(error: unknown): boolean {
  const code = errnoOf(error);
  return code === 'SQLITE_NOTADB' || code?.startsWith('SQLITE_CORRUPT') === true;
}

/** True for what SQLite itself throws. */
export function isSqliteError(error: unknown): boolean {
  return error instanceof Database.SqliteError;
}

const OF_THE_HOST = /^SQLITE_(BUSY|CANTOPEN|CORRUPT|FULL|IOERR|LOCKED|NOMEM|NOTADB|PERM|PROTOCOL|READONLY)/;

/** True when the disk, the file or another process is at fault, not the statement or its values. */
export function isHostFault(error: unknown): boolean {
  return isSqliteError(error) && OF_THE_HOST.test(errnoOf(error) ?? '');
}

/** A SQLite error as one of ours: a full disk is DISK_FULL, damage STATE_DAMAGED, a lock STATE_BUSY, everything else STATE_UNUSABLE. */
export function sqliteFault(path: string, error: unknown): WavspoolError {
  if (isDamage(error))
    return new WavspoolError('STATE_DAMAGED', `${path} is damaged: ${messageOf(error)}`, { cause: error });
  if (isBusy(error))
    return new WavspoolError('STATE_BUSY', `${path} is locked: ${messageOf(error)}`, { cause: error });
  const full = errnoOf(error) === 'SQLITE_FULL';
  return new WavspoolError(
    full ? 'DISK_FULL' : 'STATE_UNUSABLE',
    full ? `the disk of ${path} is full` : `${path}: ${messageOf(error)}`,
    { cause: error },
  );
}
