/**
 * Verified whole copies of SQLite databases, their own programs writing on meanwhile: taken, listed, checked, pruned.
 * Start at take.ts.
 */
export { askAssert } from './check-database.ts';
export { listSnapshots, notedHashes, type Snapshot } from './catalogue.ts';
export { listOffsite, pruneOffsite, shipOffsite, type OffsiteSnapshot, type Shipped } from './offsite.ts';
export { pruneSnapshots } from './prune.ts';
export { databaseNamed, schedulesFor, type SnapshotSchedule } from './schedules.ts';
export { takeSnapshot, type SnapshotDeps, type TakenSnapshot } from './take.ts';
export { checkedCopy, verifySnapshot, type Verdict } from './verify.ts';
