import Database from 'better-sqlite3';
import { asDatabaseFault } from './foreign.ts';
import { isBusy } from './open.ts';

/** A lock that the kernel releases when its process ends, however it ends. */
export interface ExclusiveLock {
  readonly release: () => void;
}

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
