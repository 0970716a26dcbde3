import { effectiveLogs } from '../../platform/config/index.ts';
import type { Job } from '../../platform/jobs/index.ts';
import { drillJob } from './drill-job.ts';
import { exportJob } from './export-job.ts';
import type { Maintenance } from './maintenance.ts';
import { mirrorJob, shipMirrorJob } from './mirror-job.ts';
import { pointInTimeJobs } from './point-in-time-job.ts';
import { rotateJobs } from './rotate-job.ts';
import { offsiteJob, snapshotJob } from './snapshot-job.ts';

/** Every job that these settings ask for: a part of the host each, by itself at its times or when it is asked for. */
export function maintenanceJobs(maintenance: Maintenance): readonly Job[] {
  return [
    ...maintenance.databases.flatMap((database) => [
      ...database.snapshots.flatMap((schedule) => [
        snapshotJob(maintenance, database, schedule),
        ...(schedule.offsite === undefined ? [] : [offsiteJob(maintenance, database, schedule)]),
      ]),
      ...pointInTimeJobs(maintenance, database),
      ...database.exports.map((entry) => exportJob(maintenance, database, entry)),
      drillJob(maintenance, database),
    ]),
    ...maintenance.settings.mirrors.flatMap((mirror) => [
      mirrorJob(maintenance, mirror),
      ...(mirror.offsite === undefined ? [] : [shipMirrorJob(maintenance, mirror)]),
    ]),
    ...effectiveLogs(maintenance.settings).flatMap((entry) => rotateJobs(maintenance, entry)),
  ];
}
