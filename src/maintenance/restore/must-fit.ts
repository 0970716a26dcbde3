import { WavspoolError, errnoOf } from '../../domain/faults.ts';
import {
  asDatabaseFault,
  askAssert,
  openCopy,
  openForeign,
  type Sqlite,
} from '../../platform/sqlite/index.ts';

interface Asked {
  readonly database: string;
  readonly asserts: readonly string[];
}

/**
 * Refuses a copy that is sound and still not to be put in the place of this database: one without a table or without a row, one
 * that has no table in common with what is there, one that does not keep the settings' `asserts`. `present` is the database
 * that is there, if any. Throws SNAPSHOT_BAD or SNAPSHOT_OTHER.
 */
export function mustFit({ database, asserts }: Asked, good: string, present: string | undefined): void {
  const copy = reading(good, openCopy, (db) => {
    const tables = tablesOf(db);
    return { tables, isEmpty: !tables.some((table) => hasRow(db, table)) };
  });
  const there = present === undefined ? undefined : tablesOfPresent(present);
  const problem = whyNot(copy, there);
  if (problem !== undefined)
    throw new WavspoolError(problem.code, `the copy is not put in the place of ${database}: ${problem.said}`);
  reading(good, openCopy, (db) => {
    for (const assert of asserts) askAssert(db, assert);
  });
}

/** The decision: `there` are the tables of the database that is replaced; undefined when there is none, or it is damaged. */
export function whyNot(
  copy: { readonly tables: readonly string[]; readonly isEmpty: boolean },
  there: readonly string[] | undefined,
): { readonly code: 'SNAPSHOT_BAD' | 'SNAPSHOT_OTHER'; readonly said: string } | undefined {
  if (copy.tables.length === 0) return { code: 'SNAPSHOT_BAD', said: 'it is empty, without a single table' };
  if (there !== undefined && there.length > 0 && !there.some((table) => copy.tables.includes(table))) {
    const said = `it is another database's: it has the tables ${listed(copy.tables)}, and not one of ${listed(there)}`;
    return { code: 'SNAPSHOT_OTHER', said };
  }
  if (copy.isEmpty) return { code: 'SNAPSHOT_BAD', said: 'it is empty: none of its tables has a row' };
  return undefined;
}

function listed(tables: readonly string[]): string {
  const some = tables.slice(0, 5).join(', ');
  return tables.length > 5 ? `${some} and ${tables.length - 5} more` : some;
}

/** undefined when it cannot be read: then there is nothing to compare with. */
function tablesOfPresent(path: string): readonly string[] | undefined {
  try {
    return reading(path, openForeign, tablesOf);
  } catch (error) {
    if (error instanceof WavspoolError && error.code === 'DATABASE_DAMAGED') return undefined;
    throw error;
  }
}

function reading<T>(path: string, openIt: (path: string) => Sqlite, use: (db: Sqlite) => T): T {
  const db = openIt(path);
  try {
    return asDatabaseFault(path, () => use(db));
  } finally {
    db.close();
  }
}

function tablesOf(db: Sqlite): readonly string[] {
  const query =
    "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name";
  return db.prepare(query).pluck().all() as string[];
}

function hasRow(db: Sqlite, table: string): boolean {
  const quoted = `"${table.replaceAll('"', '""')}"`;
  try {
    return db.prepare(`SELECT 1 FROM ${quoted} LIMIT 1`).get() !== undefined;
  } catch (error) {
    // its owner's own collation, module or tokenizer is needed to read it: it cannot be called empty
    if (errnoOf(error) === 'SQLITE_ERROR') return true;
    throw error;
  }
}
