/** Keeping the host: which jobs the settings ask for, what they made, how they went. Start at jobs.ts. */
export {
  listBackups,
  listSnapshotBackups,
  pruneBackups,
  takeSnapshots,
  verifyBackups,
  type Backup,
  type SnapshotOutcome,
  type SnapshotRequest,
} from './backups.ts';
export { backupPage } from './backup-page.ts';
export { adoptBackups, confirmBackups } from './take-over.ts';
export { exportTablesNow, fetchMirrorNow, mirrorNow } from './by-hand.ts';
export { hostApi, type HostApi } from './api.ts';
export { openHost, type Host } from './host.ts';
export { hostJobs } from './jobs.ts';
export { backupSource, namedSource, offsitePointsAt, sourceAt, verifySource } from './restore-source.ts';
export { shipCommits } from './point-in-time-job.ts';
export { rotateDeps } from './rotate-job.ts';
export { keepingStatus } from './status.ts';
export type {
  CopiesStatus,
  DatabaseStatus,
  KeepingStatus,
  LogStatus,
  PointInTimeStatus,
  ScheduleStatus,
} from './keeping-status.ts';
