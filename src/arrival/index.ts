// Finds tars in the landing directory and hands the complete ones to be queued. Events only make it quick: what decides is
// the rescan, which compares the disk with what is known, and a proof that each tar was read to its end.
export { startArrival, type Arrival } from './arrival.ts';
export type { ArrivalDeps } from './deps.ts';
export { isSameVersion, lookAt, versionOf } from './look.ts';
export { tarMatcher } from './matcher.ts';
export type { Proof } from './proof.ts';
export { settleOnce, type Settlement } from './prove-now.ts';
export type { RescanResult } from './rescan.ts';
