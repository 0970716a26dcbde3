import { existsSync, statSync } from 'node:fs';
import Database from 'better-sqlite3';
import type { Sqlite } from './open.ts';

/**
 * What `look` finds in the database at `path`, which is opened for reading alone: its journal mode, its permissions and its
 * content stay. Undefined where there is no file, or an empty one. Throws SQLite's own error.
 */
export function peek<T>(path: string, look: (db: Sqlite) => T): T | undefined {
  if (!existsSync(path) || statSync(path).size === 0) return undefined;
  const db = new Database(path, { readonly: true, timeout: 5000 });
  try {
    return look(db);
  } finally {
    db.close();
  }
}
