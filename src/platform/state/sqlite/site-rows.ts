import { openDatabase } from '../../sqlite/index.ts';
import { TABLES, type Row, type SiteRows } from '../copy/site-rows.ts';
import { migrate } from './schema.ts';

const PAGE = 2000;

/** The rows of a `state.db`, which is made where there is none. The caller holds the lock that keeps every other process from it. */
export function sqliteSiteRows(file: string): SiteRows {
  const db = openDatabase(file);
  migrate(db);
  return {
    name: file,
    users: () => Promise.resolve([]),
    // oxlint-disable-next-line typescript/require-await -- SQLite answers at once
    async *read(table) {
      const [key = ''] = TABLES[table];
      const page = db
        .prepare(
          `SELECT ${TABLES[table].join(', ')} FROM ${table} WHERE ${key} > ? ORDER BY ${key} LIMIT ${PAGE}`,
        )
        .raw();
      for (let rows = page.all('') as Row[]; rows.length > 0; rows = page.all(rows.at(-1)?.[0]) as Row[])
        yield rows;
    },
    write: (table, rows) => {
      const columns = TABLES[table];
      const [key = ''] = columns;
      const insert = db.prepare(
        `INSERT INTO ${table} (${columns.join(', ')}) VALUES (${columns.map(() => '?').join(', ')})
         ON CONFLICT (${key}) DO UPDATE SET ${columns
           .slice(1)
           .map((column) => `${column} = excluded.${column}`)
           .join(', ')}`,
      );
      db.transaction(() => {
        for (const row of rows) insert.run(...row);
      }).immediate();
      return Promise.resolve();
    },
    close: () => {
      db.close();
      return Promise.resolve();
    },
  };
}
