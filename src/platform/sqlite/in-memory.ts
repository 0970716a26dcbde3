import Database from 'better-sqlite3';
import type { Sqlite } from './open.ts';

/** What a database consists of, without its rows: a line of `sqlite_master`. */
export interface SchemaObject {
  readonly type: 'table' | 'index' | 'trigger' | 'view';
  readonly name: string;
  /** The table that it belongs to; its own name for a table. */
  readonly table: string;
  readonly sql: string;
}

/** The objects of a database that its owner made; what SQLite keeps for itself is left out. */
export function schemaOf(db: Sqlite): readonly SchemaObject[] {
  return db
    .prepare(
      `SELECT type, name, tbl_name AS "table", sql FROM sqlite_master
       WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'`,
    )
    .all() as SchemaObject[];
}

/**
 * A database in memory with the same tables, and the indexes and triggers of those named, to try something out where nothing can
 * be damaged. Throws SQLite's own error for what cannot be made here: an owner's collation or function.
 */
export function schemaInMemory(objects: readonly SchemaObject[], tables: readonly string[]): Sqlite {
  const db = new Database(':memory:');
  try {
    const isVirtual = ({ sql }: SchemaObject): boolean => /^\s*create\s+virtual/i.test(sql);
    for (const { sql } of objects.filter((object) => object.type === 'table' && !isVirtual(object)))
      db.exec(sql);
    const isOfOurs = ({ table }: SchemaObject): boolean =>
      tables.some((name) => name.toLowerCase() === table.toLowerCase());
    for (const { sql } of objects.filter((object) => object.type === 'view')) db.exec(sql);
    for (const type of ['index', 'trigger']) {
      for (const { sql } of objects.filter((object) => object.type === type && isOfOurs(object)))
        db.exec(sql);
    }
    return db;
  } catch (error) {
    db.close();
    throw error;
  }
}
