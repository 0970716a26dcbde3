import {
  listBackups,
  takeSnapshots,
  type Listing,
  type SnapshotOutcome,
  type SnapshotRequest,
} from './backups.ts';
import { exportTablesNow, mirrorNow, type MirrorNow } from './by-hand.ts';
import type { ExportOutcome } from './export-job.ts';
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
}

/** The API of a host; what runs ends when `signal` aborts. */
export function hostApi(host: Host, signal: AbortSignal): HostApi {
  const jobs = hostJobs(host);
  return {
    keeping: () => keepingStatus(host, jobs),
    backups: (database) => listBackups(host, database, signal),
    takeSnapshots: (request, by) => takeSnapshots(host, request, by, signal),
    exportTables: (database, name) => exportTablesNow(host, database, name, signal),
    makeMirror: (name) => mirrorNow(host, name, signal),
  };
}
