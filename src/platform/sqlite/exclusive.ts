import Database from 'better-sqlite3';
import { asDatabaseFault } from './foreign.ts';
import { isBusy } from './busy.ts';

/** A lock that the kernel releases when its process ends, however it ends. */
export interface ExclusiveLock {
  readonly release: () => void;
}

/** How long {@link takeSharedLock} waits, with its thread blocked. */
const SHARED_WAIT_MS = 5000;

/**
 * Takes the lock that the file `path` stands for, and makes that file; undefined when another process, or this one, holds it.
 * The lock is SQLite's own on an empty database, so that it works wherever SQLite does.
 */
export function takeExclusiveLock(path: string): ExclusiveLock | undefined {
  return asDatabaseFault(path, () => {
    const db = new Database(path, { timeout: 0 });
    try {
      db.pragma('journal_mode = MEMORY'); // nothing is ever written: no journal beside it either
      db.exec('BEGIN EXCLUSIVE');
    } catch (error) {
      db.close();
      if (isBusy(error)) return undefined;
      throw error;
    }
    return { release: () => db.close() };
  });
}

/**
 * Holds the lock that the file `path` stands for together with others, against a process that would take it alone, and makes that file;
 * undefined when it has been taken alone for 5 s. Locks are the kernel's: they are seen from every container that has the file.
 */
export function takeSharedLock(path: string): ExclusiveLock | undefined {
  return asDatabaseFault(path, () => {
    const db = new Database(path, { timeout: SHARED_WAIT_MS });
    try {
      db.exec('BEGIN');
      db.prepare('SELECT 1 FROM sqlite_schema').get(); // BEGIN alone locks nothing
    } catch (error) {
      db.close();
      if (isBusy(error)) return undefined;
      throw error;
    }
    return { release: () => db.close() };
  });
}
