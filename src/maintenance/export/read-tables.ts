import type { Sqlite } from '../../platform/sqlite/index.ts';
import { chooseTables, type Listed } from './choose-tables.ts';
import { quoted, type Encoding, type Value } from './literal.ts';

/** A table as it is read and written. */
export interface Table {
  readonly name: string;
  /** The columns with values of their own: generated ones follow from them. */
  readonly columns: readonly string[];
  readonly hasGenerated: boolean;
  /** How the rowid is called where it is no column and has to be written too. */
  readonly rowid: 'rowid' | '_rowid_' | 'oid' | undefined;
  readonly sql: string;
}

/** What the rest of the schema says about the tables: indexes and triggers, in the order in which they were made. */
export interface Attached {
  readonly type: 'index' | 'trigger';
  readonly name: string;
  readonly sql: string;
}

/** One row: a value for each column, behind the rowid where that is written too; `isText[i]` tells text from blob. */
export interface Row {
  readonly values: readonly Value[];
  readonly isText: (index: number) => boolean;
}

interface Column {
  readonly name: string;
  readonly type: string;
  readonly pk: number;
  readonly hidden: number;
}

/** So many operands of `||` in a row: SQLite's limit is 1000. */
const FLAGS_PER_TEXT = 500;
const ONE = '1'.charCodeAt(0);

/** How the database stores text. */
export function encodingOf(db: Sqlite): Encoding {
  return db.pragma('encoding', { simple: true }) as Encoding;
}

/** The tables of these names. Throws TABLE_UNKNOWN. */
export function findTables(db: Sqlite, wanted: readonly string[], database: string): readonly Table[] {
  const listed = db
    .prepare("SELECT name, type, wr FROM pragma_table_list WHERE schema = 'main'")
    .all() as (Listed & { readonly wr: number })[];
  return chooseTables(listed, wanted, database).map((name) => {
    const columns = db
      .prepare('SELECT name, type, pk, hidden FROM pragma_table_xinfo(?)')
      .all(name) as Column[];
    const { sql } = db
      .prepare("SELECT sql FROM sqlite_schema WHERE type = 'table' AND name = ?")
      .get(name) as {
      sql: string;
    };
    const hasRowid = listed.some((one) => one.name === name && one.wr === 0);
    return {
      name,
      sql,
      columns: columns.filter(({ hidden }) => hidden === 0).map((column) => column.name),
      hasGenerated: columns.some(({ hidden }) => hidden !== 0),
      rowid: hasRowid && !isRowidAColumn(db, name, columns) ? freeRowidName(columns) : undefined,
    };
  });
}

/** A single INTEGER PRIMARY KEY is the rowid, unless it needs an index of its own (the DESC that SQLite took for another type). */
function isRowidAColumn(db: Sqlite, table: string, columns: readonly Column[]): boolean {
  const [key, ...more] = columns.filter(({ pk }) => pk > 0);
  if (key === undefined || more.length > 0 || key.type.toUpperCase() !== 'INTEGER') return false;
  const indexes = db.prepare('SELECT origin FROM pragma_index_list(?)').all(table) as { origin: string }[];
  return indexes.every(({ origin }) => origin !== 'pk');
}

function freeRowidName(columns: readonly Column[]): Table['rowid'] {
  const taken = new Set(columns.map(({ name }) => name.toLowerCase()));
  return (['rowid', '_rowid_', 'oid'] as const).find((name) => !taken.has(name));
}

/** The indexes and triggers of a table that have SQL of their own. */
export function findAttached(db: Sqlite, { name }: Table): readonly Attached[] {
  return db
    .prepare(
      `SELECT type, name, sql FROM sqlite_schema
       WHERE type IN ('index', 'trigger') AND sql IS NOT NULL AND tbl_name = ? COLLATE NOCASE ORDER BY rowid`,
    )
    .all(name) as Attached[];
}

/** The last number that AUTOINCREMENT gave in a table; undefined where it gave none. */
export function sequenceOf(db: Sqlite, { name }: Table): bigint | undefined {
  const has = db.prepare("SELECT 1 FROM sqlite_schema WHERE name = 'sqlite_sequence'").get();
  if (has === undefined) return undefined;
  const row = db.prepare('SELECT seq FROM sqlite_sequence WHERE name = ?').safeIntegers().get(name);
  return (row as { seq: bigint } | undefined)?.seq;
}

/** Every row, in the order of the rowid or of the primary key, so that two tables with equal rows give them alike. */
export function* rowsOf(db: Sqlite, { name, columns, rowid }: Table): Generator<Row> {
  const names = columns.map(quoted);
  // text as its bytes: as a string it would lose what is no valid UTF-8
  const values = names.map(
    (column) => `CASE typeof(${column}) WHEN 'text' THEN CAST(${column} AS BLOB) ELSE ${column} END`,
  );
  const flags: string[] = [];
  for (let at = 0; at < names.length; at += FLAGS_PER_TEXT) {
    const some = names.slice(at, at + FLAGS_PER_TEXT);
    flags.push(some.map((column) => `(typeof(${column}) = 'text')`).join(' || '));
  }
  const read = rowid === undefined ? values : [rowid, ...values];
  const before = read.length - values.length;
  const rows = db
    .prepare(`SELECT ${[...read, ...flags].join(', ')} FROM ${quoted(name)} NOT INDEXED`)
    .raw()
    .safeIntegers()
    .iterate() as IterableIterator<unknown[]>;
  for (const row of rows) {
    const texts = row.slice(read.length).map(String);
    yield {
      values: row.slice(0, read.length) as Value[],
      isText: (index) => {
        const column = index - before;
        if (column < 0) return false;
        return texts[Math.floor(column / FLAGS_PER_TEXT)]?.charCodeAt(column % FLAGS_PER_TEXT) === ONE;
      },
    };
  }
}
