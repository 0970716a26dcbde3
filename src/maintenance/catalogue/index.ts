/** Maintenance: which jobs the settings ask for, what they made, how they went. Start at jobs.ts. */
export {
  listBackups,
  listSnapshotBackups,
  pruneBackups,
  takeSnapshots,
  verifyBackups,
  type SnapshotOutcome,
  type SnapshotRequest,
} from './backups.ts';
export type { Backup } from './backup.ts';
export { backupPage } from './backup-page.ts';
export { adoptBackups, confirmBackups } from './adopt.ts';
export { exportTablesNow, fetchMirrorNow, mirrorNow } from './on-request.ts';
export { maintenanceApi, type MaintenanceApi } from './api.ts';
export type { Maintenance } from './maintenance.ts';
export { openMaintenance } from './open-maintenance.ts';
export { maintenanceJobs } from './jobs.ts';
export { backupSource, namedSource, offsitePointsAt, sourceAt, verifySource } from './restore-source.ts';
export { shipCommits } from './point-in-time-job.ts';
export { rotateDeps, rotateNow } from './rotate-job.ts';
export { maintenanceStatus } from './status.ts';
export type {
  CopiesStatus,
  DatabaseStatus,
  MaintenanceStatus,
  LogStatus,
  PointInTimeStatus,
  ScheduleStatus,
} from './maintenance-status.ts';
