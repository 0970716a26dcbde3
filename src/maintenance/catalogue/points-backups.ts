import { join } from 'node:path';
import type { DatabaseSettings } from '../../platform/config/index.ts';
import { messageOf } from '../../domain/faults.ts';
import { listOffsitePoints, listPoints, type OffsitePoints } from '../point-in-time/index.ts';
import { isoTime } from '../../platform/runtime/index.ts';
import type { Maintenance } from './maintenance.ts';

/** The restore points of a database in one place, from the first to the last. */
export interface PointsBackup {
  readonly kind: 'points';
  readonly database: string;
  readonly where: 'local' | 'offsite';
  /** The directory that they lie in, or `s3://bucket/key/`, which `restore --from` takes. */
  readonly path: string;
  readonly name: string;
  readonly from: string;
  /** The last of them. */
  readonly at: string;
  readonly points: number;
  readonly bytes: number;
  /** Nothing that they are made of is missing or known to be damaged. */
  readonly verified: boolean;
  /** Why it is never removed: another host put it there, or another archive of this one. */
  readonly foreign?: string;
}

/** The databases that are captured: the one of that name, or all. */
export function capturedOf(
  { databases }: Pick<Maintenance, 'databases'>,
  name: string | undefined,
): readonly DatabaseSettings[] {
  return databases.filter(
    (one) => one.pointInTime !== undefined && (name === undefined || one.name === name),
  );
}

/** What was captured of a database on this host; undefined when there is nothing yet. Throws FILE_UNREADABLE. */
export async function localPoints(database: DatabaseSettings): Promise<PointsBackup | undefined> {
  const { from, to, points, bytes, chains, damaged } = await listPoints(database);
  if (from === undefined || to === undefined) return undefined;
  const path = join(database.pointInTime?.dir ?? '', database.name);
  const verified = damaged.length === 0 && chains.every(({ missing }) => missing.length === 0);
  return {
    kind: 'points',
    database: database.name,
    where: 'local',
    path,
    name: database.name,
    from: isoTime(from),
    at: isoTime(to),
    points,
    bytes,
    verified,
  };
}

/** What was captured of one database, or of all, and is in the bucket; and why that could not be found out. */
export async function pointsOffsite(
  maintenance: Maintenance,
  name: string | undefined,
  signal: AbortSignal,
): Promise<{ readonly backups: readonly PointsBackup[]; readonly unlisted: readonly string[] }> {
  const backups: PointsBackup[] = [];
  const unlisted: string[] = [];
  for (const database of capturedOf(maintenance, name)) {
    if (database.pointInTime?.offsite === undefined) continue;
    try {
      const found = await listOffsitePoints(await offsiteDeps(maintenance), database, signal);
      backups.push(...found.map((points) => asBackup(database.name, maintenance.settings.s3.bucket, points)));
    } catch (error) {
      signal.throwIfAborted();
      unlisted.push(`${database.name} restore points: ${messageOf(error)}`);
    }
  }
  return { backups, unlisted };
}

/** What reading restore points in the bucket takes. */
export async function offsiteDeps(
  maintenance: Maintenance,
): Promise<
  Pick<Maintenance, 'origin' | 'clock' | 'report'> & { store: Awaited<ReturnType<Maintenance['store']>> }
> {
  const { origin, clock, report } = maintenance;
  return { origin, clock, report, store: await maintenance.store() };
}

function asBackup(
  database: string,
  bucket: string,
  { prefix, from, to, points, bytes, isWhole, isOwn }: OffsitePoints,
): PointsBackup {
  return {
    kind: 'points',
    database,
    where: 'offsite',
    path: `s3://${bucket}/${prefix}`,
    name: database,
    from: isoTime(from),
    at: isoTime(to),
    points,
    bytes,
    verified: isWhole,
    ...(!isOwn && { foreign: 'another host, or a database at another path, put it there' }),
  };
}
