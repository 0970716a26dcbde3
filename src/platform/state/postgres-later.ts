import type { Ledger } from '../../domain/ledger.ts';
import type { SiteRows } from './copy/site-rows.ts';
import type { LedgerFacts, Migrated, PostgresLedgerOptions } from './postgres/index.ts';

// The library of PostgreSQL is loaded where the settings name one: every other process would load it for nothing.

/** See postgres/open.ts. */
export async function openPostgresLedger(options: PostgresLedgerOptions): Promise<Ledger> {
  return (await import('./postgres/index.ts')).openPostgresLedger(options);
}

/** See postgres/migrate.ts. */
export async function migratePostgres(
  options: Pick<PostgresLedgerOptions, 'address' | 'clock' | 'random'>,
): Promise<Migrated> {
  return (await import('./postgres/index.ts')).migratePostgres(options);
}

/** See postgres/examine.ts. */
export async function examinePostgres(
  options: Pick<PostgresLedgerOptions, 'address' | 'clock' | 'random'>,
): Promise<LedgerFacts> {
  return (await import('./postgres/index.ts')).examinePostgres(options);
}

/** See postgres/site-rows.ts. */
export async function postgresSiteRows(
  options: Pick<PostgresLedgerOptions, 'address' | 'site' | 'store' | 'clock' | 'random'>,
): Promise<SiteRows> {
  return (await import('./postgres/index.ts')).postgresSiteRows(options);
}

/** See postgres/sites.ts. */
export async function sitesInPostgres(
  options: Pick<PostgresLedgerOptions, 'address' | 'clock' | 'random'>,
): Promise<readonly string[]> {
  return (await import('./postgres/index.ts')).sitesInPostgres(options);
}
