// Point-in-time recovery of SQLite databases: what changed is captured every few minutes (`pages`) or with every commit
// (`wal`), and any captured state can be brought back. docs/point-in-time.md describes what is stored and why it holds.
export type { PointInTimeDatabase } from './archive/archive.ts';
export { capture, captureWal, type CaptureDeps } from './capture/capture.ts';
export type { CaptureResult } from './capture/capture-pages.ts';
export { holdOffCapture } from './archive/hold-off.ts';
export {
  listOffsitePoints,
  listPoints,
  prunePoints,
  restoreOffsitePoint,
  restorePoint,
  verifyPoints,
  type ChainSummary,
  type OffsitePoints,
  type Points,
  type Pruned,
  type Restored,
  type Verified,
} from './restore/index.ts';
export type { ArchiveDeps } from './archive/archive.ts';
export { offsiteState, shipPoints, type ShippedPoints } from './ship/ship.ts';
