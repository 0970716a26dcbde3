// The ledger in one SQLite file, `state.db`.
export { openSqliteLedger, type SqliteLedgerOptions } from './open.ts';
export { SCHEMA_VERSION } from './schema.ts';
export { sqliteSiteRows } from './site-rows.ts';
