import { WavspoolError } from '../../domain/faults.ts';
import type { Sqlite } from '../../platform/sqlite/index.ts';
import { literalOf, quoted, quotedText, type Encoding } from './literal.ts';
import { encodingOf, findAttached, rowsOf, sequenceOf, type Row, type Table } from './read-tables.ts';
import { rowHash, type TableSum } from './row-hash.ts';
import { statementCutter } from './statements.ts';

const CHUNK_CHARACTERS = 256 * 1024;
/** Below the longest string of V8, in which a statement is read back, and the billion bytes that sqlite3 takes. */
const LONGEST_STATEMENT = 500_000_000;

/**
 * The tables as SQL, in chunks: each with its rows first and its indexes and triggers after them, so that no trigger fires
 * while it is loaded. Hands `onTable` what it read. `db` is pinned. Throws EXPORT_BAD for a row that no statement can hold.
 */
export function* dump(
  db: Sqlite,
  tables: readonly Table[],
  onTable: (table: Table, sum: TableSum) => void,
): Generator<Buffer> {
  let pieces: string[] = [];
  let characters = 0;
  for (const piece of sqlOf(db, tables, onTable)) {
    pieces.push(piece);
    characters += piece.length;
    if (characters < CHUNK_CHARACTERS) continue;
    yield Buffer.from(pieces.join(''));
    pieces = [];
    characters = 0;
  }
  yield Buffer.from(pieces.join(''));
}

function* sqlOf(
  db: Sqlite,
  tables: readonly Table[],
  onTable: (table: Table, sum: TableSum) => void,
): Generator<string> {
  const encoding = encodingOf(db);
  if (encoding !== 'UTF-8') yield `PRAGMA encoding = '${encoding}';\n`;
  // what the database holds is loaded as it is: rows that refer to tables which are not here, or from before a CHECK
  yield 'PRAGMA foreign_keys = OFF;\nPRAGMA ignore_check_constraints = ON;\nBEGIN;\n';
  for (const table of tables) {
    yield statement(table.sql);
    const hash = rowHash();
    const head = insertHead(table);
    const where = `${db.name}, table ${JSON.stringify(table.name)}`;
    for (const row of rowsOf(db, table)) {
      hash.add(row);
      yield head;
      yield* rowSql(row, encoding, where);
      yield ');\n';
    }
    onTable(table, hash.sum());
    yield* sequenceSql(db, table);
  }
  for (const table of tables) {
    for (const { sql } of findAttached(db, table)) yield statement(sql);
  }
  yield 'COMMIT;\nPRAGMA ignore_check_constraints = OFF;\n';
}

/** SQL of a schema may end in a comment, which would take the `;` in. */
function statement(sql: string): string {
  const plain = `${sql};\n`;
  return statementCutter().push(plain) === '' ? `${sql}\n;\n` : plain;
}

function insertHead({ name, columns, rowid, hasGenerated }: Table): string {
  const names = [...(rowid === undefined ? [] : [rowid]), ...columns.map(quoted)];
  const list = rowid !== undefined || hasGenerated ? `(${names.join(',')})` : '';
  return `INSERT INTO ${quoted(name)}${list} VALUES(`;
}

function* rowSql({ values, isText }: Row, encoding: Encoding, where: string): Generator<string> {
  const bytes = values.reduce((sum: number, value) => sum + (Buffer.isBuffer(value) ? value.length : 0), 0);
  if (bytes * 2 > LONGEST_STATEMENT) {
    const problem = `a row of ${bytes} bytes is more than one SQL statement can hold`;
    throw new WavspoolError('EXPORT_BAD', `${where}: ${problem}`);
  }
  for (const [index, value] of values.entries()) {
    if (index > 0) yield ',';
    yield* literalOf(value, isText(index), encoding);
  }
}

/** What AUTOINCREMENT must not give again: loading the rows leaves their largest number, which may be less. */
function* sequenceSql(db: Sqlite, table: Table): Generator<string> {
  const last = sequenceOf(db, table);
  if (last === undefined) return;
  const name = quotedText(table.name);
  yield `DELETE FROM sqlite_sequence WHERE name = ${name};\n`;
  yield `INSERT INTO sqlite_sequence(name, seq) VALUES(${name},${last});\n`;
}
