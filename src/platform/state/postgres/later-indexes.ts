import type { Clock } from '../../runtime/index.ts';
import type { Database } from './database.ts';
import type { Query } from './statement.ts';

/** Indexes that only make something quicker: the roles work without them, so they are made beside their work, however many rows there are. */
const INDEXES: Readonly<Record<string, string>> = {
  // how many upload jobs are needed, without a look at the rows
  uploads_batches: "uploads (site, tar, tar_mtime_ms, batch) WHERE status = 'PENDING' AND batch IS NOT NULL",
  uploads_alone: "uploads (site) WHERE status = 'PENDING' AND batch IS NULL",
};
const LOCK = "hashtext('wavspool.indexes')";

/** Makes those that are missing while roles read and write. Safe to repeat, also by several at once and after it was cut off. */
export async function makeLaterIndexes(db: Database, clock: Clock): Promise<void> {
  const session = await db.session();
  const run = async <T>(text: string): Promise<readonly T[]> =>
    (await session.query<T>({ name: '', text }, [])).rows;
  try {
    await run('SET statement_timeout = 0');
    await run('SET lock_timeout = 0');
    // not waited for in the database: what waits there has a snapshot, which the making of an index waits for
    while ((await run<{ may: boolean }>(`SELECT pg_try_advisory_lock(${LOCK}) AS may`))[0]?.may !== true)
      await clock.sleep(500);
    for (const name of await unfinished(session.query)) await run(`DROP INDEX CONCURRENTLY ${name}`);
    for (const [name, of] of Object.entries(INDEXES))
      await run(`CREATE INDEX CONCURRENTLY IF NOT EXISTS ${name} ON ${of}`);
  } finally {
    await session.end();
  }
}

/** Those whose making was cut off: they stand there, and answer nothing. */
async function unfinished(query: Query): Promise<readonly string[]> {
  const text = `SELECT c.relname::text AS name FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
    WHERE NOT i.indisvalid AND i.indrelid = 'uploads'::regclass AND c.relname = ANY ($1)`;
  return (await query<{ name: string }>({ name: '', text }, [Object.keys(INDEXES)])).rows.map(
    ({ name }) => name,
  );
}
