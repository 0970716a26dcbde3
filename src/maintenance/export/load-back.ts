import { WavspoolError, errnoOf, messageOf } from '../../domain/faults.ts';
import { databaseFault, type Sqlite } from '../../platform/sqlite/index.ts';
import { encodingOf, findAttached, findTables, rowsOf, sequenceOf, type Table } from './read-tables.ts';
import { rowHash, type TableSum } from './row-hash.ts';
import { statementCutter } from './statements.ts';

/** What the SQL of an export has to give back, taken from the database itself. */
export interface Expected {
  readonly encoding: string;
  readonly tables: readonly ExpectedTable[];
}

export interface ExpectedTable extends TableSum {
  readonly name: string;
  /** Everything that SQL made: the table, its indexes, its triggers. */
  readonly schema: readonly string[];
  readonly sequence: bigint | undefined;
}

/** What `table` of `db` holds, its rows aside. */
export function expectedOf(db: Sqlite, table: Table, sum: TableSum): ExpectedTable {
  const schema = [table.sql, ...findAttached(db, table).map(({ sql }) => sql.trimEnd())];
  return { name: table.name, schema, sequence: sequenceOf(db, table), ...sum };
}

const ROWS_PER_TURN = 10_000;

/** Runs SQL that comes in pieces, statement by statement, in an empty database. Throws EXPORT_BAD or DISK_FULL. */
export async function runSql(db: Sqlite, pieces: AsyncIterable<string>): Promise<void> {
  const cutter = statementCutter();
  try {
    for await (const piece of pieces) {
      const statements = cutter.push(piece);
      if (statements !== '') db.exec(statements);
    }
  } catch (error) {
    if (errnoOf(error)?.startsWith('SQLITE_') !== true) throw error;
    const fault = databaseFault(db.name, error);
    if (fault.code === 'DISK_FULL') throw fault;
    throw bad(`SQLite refuses what the schema says: ${messageOf(error)}`, error);
  }
  if (cutter.rest() !== '') throw bad('its last statement is cut off');
}

/** Compares a database that an export was loaded into with the one that it came from. Throws EXPORT_BAD, or the abort's reason. */
export async function compareLoaded(db: Sqlite, expected: Expected, signal: AbortSignal): Promise<void> {
  if (encodingOf(db) !== expected.encoding) throw bad(`it came back as ${encodingOf(db)}`);
  for (const { name, rows, sha256, schema, sequence } of expected.tables) {
    const [table] = findTables(db, [name], 'what was loaded');
    if (table === undefined) throw bad(`table ${JSON.stringify(name)} did not come back`);
    const hash = rowHash();
    let row = 0;
    for (const one of rowsOf(db, table)) {
      hash.add(one);
      if ((row += 1) % ROWS_PER_TURN !== 0) continue;
      await new Promise((resolve) => setImmediate(resolve)); // an abort comes in as an event
      signal.throwIfAborted();
    }
    const back = expectedOf(db, table, hash.sum());
    const which = `table ${JSON.stringify(name)}`;
    if (back.rows !== rows) throw bad(`${which} has ${rows} rows, and ${back.rows} came back`);
    if (back.sha256 !== sha256) throw bad(`${which} came back with other values`);
    if (back.sequence !== sequence) throw bad(`the AUTOINCREMENT of ${which} came back as ${back.sequence}`);
    if (back.schema.join('\0') !== schema.join('\0')) throw bad(`${which} came back with another schema`);
  }
}

function bad(problem: string, cause?: unknown): WavspoolError {
  return new WavspoolError('EXPORT_BAD', `the export does not load: ${problem}`, { cause });
}
