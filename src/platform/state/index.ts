// The ledger's implementations: which tars were extracted and how far every recording is. Its interface is domain/ledger.ts.
export { SCHEMA_VERSION } from './sqlite/schema.ts';
export { stateLockFile } from './lock-file.ts';
export { openSqliteLedger, type SqliteLedgerOptions } from './sqlite/index.ts';
