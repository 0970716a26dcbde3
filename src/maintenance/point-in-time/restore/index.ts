// What can be restored, and restoring it: from the archive, or from its copy offsite.
export {
  listPoints,
  prunePoints,
  verifyPoints,
  type ChainSummary,
  type Points,
  type Pruned,
  type Verified,
} from './restore-points.ts';
export { restorePoint, type Restored } from './restore.ts';
export { listOffsitePoints, restoreOffsitePoint, type OffsitePoints } from './restore-offsite.ts';
