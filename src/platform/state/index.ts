// The ledger's implementations: which tars were extracted and how far every recording is. Its interface is domain/ledger.ts.
export { stateLockFile } from './lock-file.ts';
export { copySite, type CopiedSite } from './copy/copy-site.ts';
export type { SiteRows } from './copy/site-rows.ts';
export {
  examinePostgres,
  migratePostgres,
  postgresSiteRows,
  openPostgresLedger,
  sitesInPostgres,
} from './postgres-later.ts';
export type { LedgerFacts, Migrated, PostgresLedgerOptions } from './postgres/index.ts';
export {
  SCHEMA_VERSION,
  openSqliteLedger,
  sqliteSiteRows,
  type SqliteLedgerOptions,
} from './sqlite/index.ts';
