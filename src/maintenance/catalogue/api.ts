import {
  listBackups,
  takeSnapshots,
  verifyBackups,
  type Listing,
  type SnapshotOutcome,
  type SnapshotRequest,
} from './backups.ts';
import { exportTablesNow, mirrorNow, type MirrorNow } from './on-request.ts';
import type { ExportOutcome } from './export-job.ts';
import type { ObjectStore } from '../../platform/s3/index.ts';
import type { Run } from '../../domain/run-log.ts';
import type { Maintenance } from './maintenance.ts';
import { maintenanceJobs } from './jobs.ts';
import type { MaintenanceStatus } from './maintenance-status.ts';
import { listedSource, verifySource } from './restore-source.ts';
import { databaseNamed, type Verdict } from '../snapshot/index.ts';
import { maintenanceStatus } from './status.ts';

/** What can be seen of the jobs that keep the host, and asked of them, over HTTP. */
export interface MaintenanceApi {
  /** The id of the data directory. */
  readonly origin: string;
  status(): Promise<MaintenanceStatus>;
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
  runs(since: number): Promise<readonly Run[]>;
  /** The site's store. */
  store(): Promise<ObjectStore>;
}

/** Five weeks of many jobs; those that run each minute are most of them. */
const MOST_RUNS = 20_000;

/** The API of a host; what runs ends when `signal` aborts. */
export function maintenanceApi(maintenance: Maintenance, signal: AbortSignal): MaintenanceApi {
  const jobs = maintenanceJobs(maintenance);
  return {
    origin: maintenance.origin,
    status: () => maintenanceStatus(maintenance, jobs),
    backups: (database) => listBackups(maintenance, database, signal),
    takeSnapshots: (request, by) => takeSnapshots(maintenance, request, by, signal),
    exportTables: (database, name) => exportTablesNow(maintenance, database, name, signal),
    makeMirror: (name) => mirrorNow(maintenance, name, signal),
    verify: (database) => verifyBackups(maintenance, database, signal),
    restoreTest: (database, path) => restoreTest(maintenance, database, path, signal),
    runs: (since) => maintenance.journal.runsSince(since, MOST_RUNS),
    store: () => maintenance.store(),
  };
}

async function restoreTest(
  maintenance: Maintenance,
  name: string,
  path: string,
  signal: AbortSignal,
): Promise<Verdict> {
  const database = databaseNamed(maintenance.databases, name);
  return verifySource(maintenance, await listedSource(maintenance, database.name, path, signal), signal);
}
