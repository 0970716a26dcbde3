// The ledger of many sites in one PostgreSQL. Start at open.ts; database.ts follows a fail-over.
export { openPostgresLedger, type PostgresLedgerOptions } from './open.ts';
export { migratePostgres, type Migrated } from './migrate.ts';
export { examinePostgres, type LedgerFacts } from './examine.ts';
export { postgresSiteRows } from './site-rows.ts';
export { sitesInPostgres } from './sites.ts';
