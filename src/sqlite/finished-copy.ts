import Database from 'better-sqlite3';
import { asDatabaseFault } from './foreign.ts';

/**
 * Turns a copy that nobody has open into a file that stands alone, without `-wal` and `-shm`, and checks it. Returns what
 * `integrity_check` finds, at most 20 lines; none means that the copy is sound. Throws DATABASE_DAMAGED when it cannot even
 * be opened.
 */
export function finishCopy(path: string): readonly string[] {
  return asDatabaseFault(path, () => {
    const db = new Database(path, { fileMustExist: true });
    try {
      db.pragma('trusted_schema = OFF');
      db.pragma('journal_mode = DELETE');
      const found = db.pragma('integrity_check(20)') as { integrity_check: string }[];
      return found.map((row) => row.integrity_check).filter((line) => line !== 'ok');
    } finally {
      db.close();
    }
  });
}
