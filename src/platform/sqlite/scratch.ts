import { closeSync, openSync } from 'node:fs';
import Database from 'better-sqlite3';
import { asDatabaseFault } from './foreign.ts';
import type { Sqlite } from './open.ts';

/**
 * A new database, mode 0600, that is thrown away: fast, and worth nothing after a crash. SQL of another program's runs in it with the rights
 * of this process's SQLite, which can load no extension. Throws DATABASE_UNUSABLE or DISK_FULL.
 */
export function openScratch(path: string): Sqlite {
  return asDatabaseFault(path, () => {
    closeSync(openSync(path, 'wx', 0o600));
    const db = new Database(path);
    db.pragma('journal_mode = OFF');
    db.pragma('synchronous = OFF');
    db.pragma('trusted_schema = OFF');
    return db;
  });
}

/** A database without a name, in a file of the system's temporary directory that is gone with it: as {@link openScratch}, for who needs no path. */
export function openNameless(): Sqlite {
  const db = new Database('');
  db.pragma('journal_mode = OFF');
  db.pragma('synchronous = OFF');
  return db;
}
