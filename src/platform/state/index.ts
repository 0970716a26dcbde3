// The ledger's implementations: which tars were extracted and how far every recording is. Its interface is domain/ledger.ts.
export { stateLockFile } from './lock-file.ts';
export { examinePostgres, migratePostgres, openPostgresLedger } from './postgres-later.ts';
export type { LedgerFacts, Migrated, PostgresLedgerOptions } from './postgres/index.ts';
export { SCHEMA_VERSION, openSqliteLedger, type SqliteLedgerOptions } from './sqlite/index.ts';
