// Finds tars in the landing directory and hands the complete ones to be queued. Events only make it quick: what decides is
// the rescan, which compares the disk with what is known, and a proof that each tar was read to its end.
export { startArrival, type Arrival } from './arrival.ts';
export type { ArrivalDeps } from './deps.ts';
export { isSameVersion, lookAt, lookForMarker, versionOf, type TarOnDisk } from './look.ts';
export { tarMatcher } from './matcher.ts';
export type { Proof } from './proof.ts';
export { proveOnce, type ProofSummary } from './prove-now.ts';
export { proveWithin, unprovedIn } from './prove-within.ts';
export { readiness } from './readiness.ts';
export { unknownTars, type RescanResult } from './rescan.ts';
export {
  createTally,
  needsAttention,
  type Landing,
  type LandingFigures,
  type LandingReason,
  type Untaken,
} from './untaken.ts';
