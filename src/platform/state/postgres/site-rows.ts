import { TABLES, type Row, type SiteRows, type TableName } from '../copy/site-rows.ts';
import { connectLedger, type PostgresLedgerOptions } from './open.ts';
import { statement, type Statement } from './statement.ts';

const PAGE = 2000;
const INTEGERS: ReadonlySet<string> = new Set(
  'size mtime_ms recordings bytes skipped refused wavs receipt_seq retry_count duration_ms sample_rate channels wav_valid tar_mtime_ms batch source_offset'.split(
    ' ',
  ),
);
const USERS = statement(
  `SELECT coalesce(host(client_addr), 'this host') AS host, count(*) AS connections FROM pg_stat_activity
   WHERE datname = current_database() AND application_name = $1 GROUP BY 1 ORDER BY 1`,
);

/** A site's rows in a ledger on PostgreSQL, whose tables have to be there. */
export async function postgresSiteRows({
  site,
  store,
  ...options
}: Pick<PostgresLedgerOptions, 'address' | 'site' | 'store' | 'clock' | 'random'>): Promise<SiteRows> {
  const db = connectLedger(options, 'wavspool state copy');
  await db.ready();
  const statements = { extracted_tars: writeOf('extracted_tars'), uploads: writeOf('uploads') };
  return {
    name: db.shown,
    users: async () =>
      (await db.query<{ host: string; connections: number }>(USERS, [`wavspool ${site}`])).rows.map(
        ({ host, connections }) => `${connections} connections of ${host}`,
      ),
    async *read(table) {
      const columns = TABLES[table];
      const [key = ''] = columns;
      const page = statement(
        `SELECT ${columns.join(', ')} FROM ${table} WHERE site = $1 AND ${key} > $2 ORDER BY ${key} LIMIT ${PAGE}`,
      );
      for (let last: unknown = ''; ;) {
        const { rows } = await db.query<Record<string, Row[number]>>(page, [site, last]);
        if (rows.length === 0) return;
        yield rows.map((row) => columns.map((column) => row[column] ?? null));
        last = rows.at(-1)?.[key];
      }
    },
    write: async (table, rows) => {
      const values = TABLES[table].map((_, at) => rows.map((row) => row[at] ?? null));
      await db.query(statements[table], [site, store, ...values]);
    },
    close: () => db.close(),
  };
}

/** All columns of the rows that are given; a row of that key becomes this one. */
function writeOf(table: TableName): Statement {
  const columns = TABLES[table];
  const [key = ''] = columns;
  const list = columns.join(', ');
  const arrays = columns.map((column, at) => `$${at + 3}::${INTEGERS.has(column) ? 'bigint' : 'text'}[]`);
  const [storeColumn, store] = table === 'uploads' ? [', store', ', $2::text'] : ['', ''];
  const renewed = columns.slice(1).map((column) => `${column} = excluded.${column}`);
  return statement(
    `INSERT INTO ${table} (site, ${list}${storeColumn}) SELECT $1, ${columns.map(valueOf).join(', ')}${store}
     FROM unnest(${arrays.join(', ')}) AS i (${list}) WHERE $2::text IS NOT NULL ORDER BY ${key} COLLATE "C"
     ON CONFLICT (site, ${key}) DO UPDATE SET ${renewed.join(', ')}`,
  );
}

/** What may be NULL in a file is not here. */
function valueOf(column: string): string {
  if (column === 'timestamp') return "coalesce(timestamp, '')";
  return column === 'retry_count' ? 'coalesce(retry_count, 0)' : column;
}
