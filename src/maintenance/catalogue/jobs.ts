import { effectiveLogs } from '../../platform/config/index.ts';
import type { Job } from '../../platform/jobs/index.ts';
import { drillJob } from './drill-job.ts';
import { exportJob } from './export-job.ts';
import type { Host } from './host.ts';
import { mirrorJob, shipMirrorJob } from './mirror-job.ts';
import { pointInTimeJobs } from './point-in-time-job.ts';
import { rotateJobs } from './rotate-job.ts';
import { offsiteJob, snapshotJob } from './snapshot-job.ts';

/** Every job that these settings ask for: a part of the host each, by itself at its times or when it is asked for. */
export function hostJobs(host: Host): readonly Job[] {
  return [
    ...host.databases.flatMap((database) => [
      ...database.snapshots.flatMap((schedule) => [
        snapshotJob(host, database, schedule),
        ...(schedule.offsite === undefined ? [] : [offsiteJob(host, database, schedule)]),
      ]),
      ...pointInTimeJobs(host, database),
      ...database.exports.map((entry) => exportJob(host, database, entry)),
      drillJob(host, database),
    ]),
    ...host.settings.mirrors.flatMap((mirror) => [
      mirrorJob(host, mirror),
      ...(mirror.offsite === undefined ? [] : [shipMirrorJob(host, mirror)]),
    ]),
    ...effectiveLogs(host.settings).flatMap((entry) => rotateJobs(host, entry)),
  ];
}
