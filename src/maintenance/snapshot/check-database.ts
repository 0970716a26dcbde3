import { WavspoolError, messageOf } from '../../domain/faults.ts';
import {
  asDatabaseFault,
  askAssert,
  lacksOwners,
  quoted,
  tablesOf,
  type Sqlite,
} from '../../platform/sqlite/index.ts';

/** What a database and a faithful copy of it agree on. */
export interface Facts {
  /** Rows of each table; a virtual table's are in the tables that back it. */
  readonly rows: Readonly<Record<string, number>>;
  /** The tables whose rows only their owner's program can count, and why. */
  readonly uncounted: readonly string[];
  /** How many rows break a foreign key, or why that cannot be told. */
  readonly foreignKeys: number | string;
}

/**
 * Reads the facts of a database and asks its asserts, SQL that must return 1. Throws SNAPSHOT_BAD for an assert that returns
 * something else, SETTINGS_INVALID for one that is no query, DATABASE_DAMAGED.
 */
export function readFacts(db: Sqlite, asserts: readonly string[]): Facts {
  for (const assert of asserts) askAssert(db, assert);
  return asDatabaseFault(db.name, () => {
    const rows: Record<string, number> = {};
    const uncounted: string[] = [];
    for (const table of tablesOf(db)) {
      try {
        rows[table] = db
          .prepare(`SELECT count(*) FROM ${quoted(table)}`)
          .pluck()
          .get() as number;
      } catch (error) {
        if (!lacksOwners(error)) throw error;
        uncounted.push(`${table}: its rows were not counted: ${messageOf(error)}`);
      }
    }
    return { rows, uncounted, foreignKeys: foreignKeyFaults(db) };
  });
}

/** Throws SNAPSHOT_BAD, saying how the copy at `path` differs from the database that it is a copy of. */
export function compareFacts(path: string, source: Facts, copy: Facts): void {
  const names = new Set([...Object.keys(source.rows), ...Object.keys(copy.rows)]);
  for (const name of names) {
    const [before, after] = [source.rows[name], copy.rows[name]];
    if (before !== after) {
      const message = `${path}: table ${name} has ${after ?? 'no'} rows, the database had ${before ?? 'none'}`;
      throw new WavspoolError('SNAPSHOT_BAD', message);
    }
  }
  if (source.foreignKeys !== copy.foreignKeys) {
    const message = `${path}: foreign keys: ${copy.foreignKeys} faults, the database had ${source.foreignKeys}`;
    throw new WavspoolError('SNAPSHOT_BAD', message);
  }
}

function foreignKeyFaults(db: Sqlite): number | string {
  try {
    return db.prepare('SELECT count(*) FROM pragma_foreign_key_check').pluck().get() as number;
  } catch (error) {
    if (!lacksOwners(error)) throw error;
    return messageOf(error); // a key that refers to columns without a unique index: true of the database as of its copy
  }
}
