import { connectLedger, type PostgresLedgerOptions } from './open.ts';
import { statement } from './statement.ts';

const SITES = statement('SELECT DISTINCT site FROM recording_counts ORDER BY site');

/** The sites that the ledger has rows of, in order. Throws LEDGER_AWAY and LEDGER_SCHEMA. */
export async function sitesInPostgres(
  options: Pick<PostgresLedgerOptions, 'address' | 'clock' | 'random'>,
): Promise<readonly string[]> {
  const db = connectLedger(options, 'wavspool');
  try {
    return (await db.query<{ site: string }>(SITES, [])).rows.map(({ site }) => site);
  } finally {
    await db.close();
  }
}
