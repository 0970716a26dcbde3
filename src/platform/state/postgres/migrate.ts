import { makeLaterIndexes } from './later-indexes.ts';
import { connectLedger, type PostgresLedgerOptions } from './open.ts';
import { LEDGER_SCHEMA, migrate } from './schema.ts';

/** What was done to the schema of a ledger. */
export interface Migrated {
  /** The ledger, without its password. */
  readonly ledger: string;
  /** 0: it had no tables. */
  readonly before: number;
  readonly now: number;
}

/** Makes or renews the tables of a ledger. Needs rights to make them. Safe to repeat, also by several at once. */
export async function migratePostgres(
  options: Pick<PostgresLedgerOptions, 'address' | 'clock' | 'random'>,
): Promise<Migrated> {
  const db = connectLedger(options, 'wavspool state migrate', () => Promise.resolve());
  try {
    const before = await db.transaction((query) => migrate(query));
    await makeLaterIndexes(db, options.clock);
    return { ledger: db.shown, before, now: Math.max(before, LEDGER_SCHEMA) };
  } finally {
    await db.close();
  }
}
