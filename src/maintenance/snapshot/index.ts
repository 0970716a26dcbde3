/**
 * Verified whole copies of SQLite databases, their own programs writing on meanwhile: taken, listed, checked, pruned.
 * Start at take.ts.
 */
export { adoptSnapshots, type Adoption } from './adopt.ts';
export {
  listSnapshots,
  notedFacts,
  type CatalogueDeps,
  type NotedFacts,
  type Snapshot,
} from './catalogue.ts';
export { listOffsite, type OffsiteSnapshot } from './offsite-catalogue.ts';
export { pruneOffsite, shipOffsite, type Shipped } from './offsite.ts';
export { pruneSnapshots } from './prune.ts';
export { databaseNamed, schedulesFor, type SnapshotSchedule } from './schedules.ts';
export { takeSnapshot, type SnapshotDeps, type TakenSnapshot } from './take.ts';
export { checkedCopy, verifySnapshot, type Verdict } from './verify.ts';
