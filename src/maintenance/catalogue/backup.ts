import type { MirrorBackup } from './mirror-backups.ts';
import type { ArchiveBackup, ExportBackup } from './other-backups.ts';
import type { PointsBackup } from './points-backups.ts';

/** What `snapshots list` and `/api/backups` show; times ISO in UTC. */
export type Backup = SnapshotBackup | PointsBackup | MirrorBackup | ExportBackup | ArchiveBackup;

/** A copy of a database, wherever it lies. */
export interface SnapshotBackup {
  readonly kind: 'snapshot';
  readonly database: string;
  readonly schedule: string;
  readonly where: 'local' | 'offsite';
  /** A path, or `s3://bucket/key`; `restore --from` takes it as it stands. */
  readonly path: string;
  readonly name: string;
  readonly at: string;
  readonly bytes: number;
  readonly label?: string;
  /** It was read back when it was made, its SHA-256 noted, and no reading since has found it damaged. */
  readonly verified: boolean;
  /** What is wrong with it. */
  readonly damage?: string;
  /** Why it may not be what it should be, until an operator confirms it. */
  readonly doubt?: string;
  /** Why it is never removed, and counts for nothing: no record says that this schedule made it. */
  readonly foreign?: string;
  /** What could not be checked of it without its owner's own functions. */
  readonly unchecked?: readonly string[];
}

export type JudgedBackup = Backup & { readonly keep: boolean; readonly reasons: readonly string[] };
