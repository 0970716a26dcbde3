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
import { listedSource, verifySource } from './restore-source.ts';
import { databaseNamed, type Verdict } from '../snapshot/index.ts';
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
  /**
   * Restores one of a database's copies that are listed, by its path or address, to a scratch file, as `restore --verify-only` does.
   * Throws USAGE, SNAPSHOT_UNKNOWN, and what keeps it from being read.
   */
  restoreTest(database: string, path: string): Promise<Verdict>;
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
    restoreTest: (database, path) => restoreTest(host, database, path, signal),
    runs: (since) => host.journal.runsSince(since, MOST_RUNS),
    store: () => host.store(),
  };
}

async function restoreTest(host: Host, name: string, path: string, signal: AbortSignal): Promise<Verdict> {
  const database = databaseNamed(host.databases, name);
  return verifySource(host, await listedSource(host, database.name, path, signal), signal);
}
