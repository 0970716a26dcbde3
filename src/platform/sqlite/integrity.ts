import { errnoOf, messageOf } from '../../domain/faults.ts';
import { openCopy, consolidateCopy } from './foreign.ts';
import type { Sqlite } from './open.ts';

/** More of them say nothing new of a damaged database. */
const SHOWN = 20;

export interface Integrity {
  /** At most 20 lines; none means that the database is sound, as far as it could be checked. */
  readonly faults: readonly string[];
  /** The tables that could not be checked, and why: their collation, function, tokenizer or module is their owner's own. */
  readonly unchecked: readonly string[];
}

/** What `PRAGMA integrity_check` finds wrong, table by table where something of its owner's keeps it from looking at all of them. */
export function checkIntegrity(db: Sqlite): Integrity {
  try {
    return { faults: checked(db, String(SHOWN)), unchecked: [] };
  } catch (error) {
    if (!lacksOwners(error)) throw error;
  }
  const faults: string[] = [];
  const unchecked: string[] = [];
  for (const table of tablesOf(db)) {
    try {
      faults.push(...checked(db, quoted(table)));
    } catch (error) {
      if (!lacksOwners(error)) throw error;
      unchecked.push(`${table}: ${messageOf(error)}`);
    }
  }
  return { faults: faults.slice(0, SHOWN), unchecked };
}

/** What is wrong with a database, as {@link checkIntegrity} finds it. */
export function integrityFaults(db: Sqlite): readonly string[] {
  return checkIntegrity(db).faults;
}

/** Whether SQLite lacks what only the database's own program brings: a collation, a function, a tokenizer, a module. */
export function lacksOwners(error: unknown): boolean {
  return errnoOf(error)?.startsWith('SQLITE_ERROR') === true;
}

/** The tables of a database; a virtual one's content is in the tables that back it. */
export function tablesOf(db: Sqlite): readonly string[] {
  const tables =
    "SELECT name FROM pragma_table_list WHERE schema = 'main' AND type IN ('table', 'shadow') AND name <> 'sqlite_schema' ORDER BY name";
  return db.prepare(tables).pluck().all() as string[];
}

/** A name as SQL takes it. */
export function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

function checked(db: Sqlite, argument: string): readonly string[] {
  try {
    const found = db.pragma(`integrity_check(${argument})`) as { integrity_check: string }[];
    return found.map((row) => row.integrity_check.replaceAll('\n', ' ')).filter((line) => line !== 'ok');
  } catch (error) {
    // damage can keep the check itself from going on
    if (errnoOf(error)?.startsWith('SQLITE_CORRUPT') === true || errnoOf(error) === 'SQLITE_NOTADB')
      return [messageOf(error)];
    throw error;
  }
}

/**
 * Turns a copy that no process has open into a file that stands alone, without `-wal` and `-shm`, and returns what is wrong with
 * it. Throws DATABASE_DAMAGED when it cannot even be opened.
 */
export function finishCopy(path: string): readonly string[] {
  consolidateCopy(path);
  const db = openCopy(path);
  try {
    return integrityFaults(db);
  } finally {
    db.close();
  }
}
