// The ledger in one SQLite file, `state.db`.
export { openStateStore, type StateStoreOptions } from './open.ts';
export { isSameBatch } from './batch.ts';
