// Point-in-time recovery of SQLite databases: what changed is captured every few minutes (`pages`) or with every commit
// (`wal`), and any captured state can be brought back. docs/point-in-time.md describes what is stored and why it holds.
export type { PointInTimeDatabase } from './archive.ts';
export { capture, shipWal, type CaptureDeps } from './capture.ts';
export type { CaptureResult } from './capture-pages.ts';
export { holdOffCapture } from './hold-off.ts';
export {
  listPoints,
  prunePoints,
  verifyPoints,
  type ChainSummary,
  type Points,
  type PointsDeps,
  type Pruned,
  type Verified,
} from './points.ts';
export { listOffsitePoints, restoreOffsitePoint, type OffsitePoints } from './offsite-points.ts';
export { offsiteState, shipPoints, type ShippedPoints } from './ship-offsite.ts';
export { restorePoint, type Restored } from './restore.ts';
