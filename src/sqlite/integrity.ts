import { errnoOf, messageOf } from '../faults.ts';
import { openCopy, settleCopy } from './foreign.ts';
import type { Sqlite } from './open.ts';

/** More of them say nothing new of a damaged database. */
const SHOWN = 20;

/** What `PRAGMA integrity_check` finds wrong, at most 20 lines; none means that the database is sound. */
export function integrityFaults(db: Sqlite): readonly string[] {
  try {
    const found = db.pragma(`integrity_check(${SHOWN})`) as { integrity_check: string }[];
    return found.map((row) => row.integrity_check.replaceAll('\n', ' ')).filter((line) => line !== 'ok');
  } catch (error) {
    // damage can keep the check itself from going on
    if (errnoOf(error)?.startsWith('SQLITE_CORRUPT') === true || errnoOf(error) === 'SQLITE_NOTADB')
      return [messageOf(error)];
    throw error;
  }
}

/**
 * Turns a copy that nobody has open into a file that stands alone, without `-wal` and `-shm`, and returns what is wrong with
 * it. Throws DATABASE_DAMAGED when it cannot even be opened.
 */
export function finishCopy(path: string): readonly string[] {
  settleCopy(path);
  const db = openCopy(path);
  try {
    return integrityFaults(db);
  } finally {
    db.close();
  }
}
