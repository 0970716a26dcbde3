import {
  listBackups,
  takeSnapshots,
  verifyBackups,
  type Listing,
  type SnapshotOutcome,
  type SnapshotRequest,
} from './backups.ts';
import { exportTablesNow, mirrorNow, type MirrorNow } from './by-hand.ts';
import type { ExportOutcome } from './export-job.ts';
import type { ObjectStore } from '../../platform/s3/index.ts';
import type { Run } from '../../platform/jobs/index.ts';
import type { Host } from './host.ts';
import { hostJobs } from './jobs.ts';
import type { KeepingStatus } from './keeping-status.ts';
import { keepingStatus } from './status.ts';

/** What can be seen of the jobs that keep the host, and asked of them, over HTTP. */
export interface HostApi {
  keeping(): Promise<KeepingStatus>;
  /** Every copy of a database there is, or of all and every mirror, the newest first. */
  backups(database: string | undefined): Promise<Listing>;
  takeSnapshots(request: SnapshotRequest, by: 'hand' | 'event'): Promise<readonly SnapshotOutcome[]>;
  exportTables(database: string, name: string): Promise<ExportOutcome>;
  makeMirror(name: string): Promise<MirrorNow>;
  /** Reads every copy back that there is of a database, or of all. */
  verify(database: string | undefined): ReturnType<typeof verifyBackups>;
  /** The runs of all jobs that began since then (ms since 1970), the newest first. */
  runs(since: number): readonly Run[];
  /** The site's store. */
  store(): Promise<ObjectStore>;
}

/** Five weeks of many jobs; those that run each minute are most of them. */
const MOST_RUNS = 20_000;

/** The API of a host; what runs ends when `signal` aborts. */
export function hostApi(host: Host, signal: AbortSignal): HostApi {
  const jobs = hostJobs(host);
  return {
    keeping: () => keepingStatus(host, jobs),
    backups: (database) => listBackups(host, database, signal),
    takeSnapshots: (request, by) => takeSnapshots(host, request, by, signal),
    exportTables: (database, name) => exportTablesNow(host, database, name, signal),
    makeMirror: (name) => mirrorNow(host, name, signal),
    verify: (database) => verifyBackups(host, database, signal),
    runs: (since) => host.journal.runsSince(since, MOST_RUNS),
    store: () => host.store(),
  };
}
