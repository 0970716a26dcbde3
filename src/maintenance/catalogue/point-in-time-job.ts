import type { DatabaseSettings } from '../../platform/config/index.ts';
import {
  capture,
  listPoints,
  offsiteState,
  prunePoints,
  shipPoints,
  captureWal,
  type CaptureResult,
  type ShippedPoints,
} from '../point-in-time/index.ts';
import { isoTime } from '../../platform/runtime/index.ts';
import type { Job } from '../../platform/jobs/index.ts';
import type { PointInTimeStatus } from './maintenance-status.ts';
import type { Maintenance } from './maintenance.ts';
import { inPlace } from './in-place.ts';

/** How often the archive of a database whose commits are shipped is pruned. */
const PRUNE_MS = 60 * 60_000;
/** How often what was captured goes offsite; less often where it is captured less often. */
const SHIP_MS = 60_000;
const SLOWEST_SHIP_MS = 10 * 60_000;
/** How often the bucket is looked at when nothing new has to go there. */
const LOOK_AGAIN_MS = 60 * 60_000;

/** Captures the database at its interval and removes what `keep` does not keep; the commits of one in `wal` mode are captured all the time. */
export function pointInTimeJobs(maintenance: Maintenance, database: DatabaseSettings): readonly Job[] {
  const { pointInTime } = database;
  if (pointInTime === undefined) return [];
  const id = `point-in-time ${database.name}`;
  const offsite = pointInTime.offsite === undefined ? [] : [shipPointsJob(maintenance, database)];
  const prune = async (): Promise<{ readonly removed: number }> => {
    const { chains } = await prunePoints(maintenance, database, { dryRun: false });
    return { removed: chains.filter(({ keep }) => !keep).length };
  };
  if (pointInTime.mode === 'wal')
    return [{ id, lock: id, when: { everyMs: PRUNE_MS }, run: prune }, ...offsite];
  return [
    {
      id,
      lock: id,
      when: { everyMs: pointInTime.every },
      run: (signal): Promise<CaptureResult & { readonly removed: number }> =>
        inPlace(maintenance, pointInTime.dir, async () => ({
          ...(await capture(maintenance, database, signal)),
          ...(await prune()),
        })),
    },
    ...offsite,
  ];
}

/** Brings to the bucket what was captured, and tries again what failed. */
function shipPointsJob(maintenance: Maintenance, database: DatabaseSettings): Job<ShippedPoints> {
  const id = `offsite points ${database.name}`;
  const { mode = 'wal', every = SHIP_MS } = database.pointInTime ?? {};
  return {
    id,
    lock: id,
    when: { everyMs: mode === 'wal' ? SHIP_MS : Math.min(Math.max(every, SHIP_MS), SLOWEST_SHIP_MS) },
    isNeeded: async () => {
      const now = maintenance.clock.now();
      const { note, isBehind } = await offsiteState(database, now);
      return isBehind || (note !== undefined && Math.abs(now - note.at) > LOOK_AGAIN_MS);
    },
    run: async (signal) => {
      const { clock, report, origin } = maintenance;
      return shipPoints({ clock, report, origin, store: await maintenance.store() }, database, signal);
    },
  };
}

/** Ships the commits of every database in `wal` mode until `signal` aborts; faults are reported. */
export async function shipCommits(maintenance: Maintenance, signal: AbortSignal): Promise<void> {
  const shipped = maintenance.databases.filter(({ pointInTime }) => pointInTime?.mode === 'wal');
  await Promise.all(shipped.map((database) => captureWal(maintenance, database, signal)));
}

/** What can be brought back of each database that is captured, and how far behind its last capture is. */
export async function pointInTimeStatus({
  databases,
  clock,
  settings,
}: Pick<Maintenance, 'databases' | 'clock' | 'settings'>): Promise<Record<string, PointInTimeStatus>> {
  const captured = databases.filter(({ pointInTime }) => pointInTime !== undefined);
  const entries = captured.map(async (database): Promise<[string, PointInTimeStatus]> => {
    const { from, to, checkedAt, points, bytes, chains, damaged } = await listPoints(database);
    return [
      database.name,
      {
        mode: database.pointInTime?.mode ?? 'pages',
        from: from === undefined ? null : isoTime(from),
        to: to === undefined ? null : isoTime(to),
        lagSeconds: secondsSince(checkedAt, clock.now()),
        points,
        bytes,
        gaps: chains.reduce((sum, { missing }) => sum + missing.length, 0),
        damaged,
        offsite: await offsiteStatus(database, settings.s3.bucket, checkedAt, clock.now()),
      },
    ];
  });
  return Object.fromEntries(await Promise.all(entries));
}

async function offsiteStatus(
  database: DatabaseSettings,
  bucket: string,
  checkedAt: number | undefined,
  now: number,
): Promise<PointInTimeStatus['offsite']> {
  if (database.pointInTime?.offsite === undefined) return null;
  const { note, coveredTo } = await offsiteState(database, checkedAt);
  const lagSeconds = secondsSince(coveredTo, now);
  if (note === undefined)
    return { where: null, from: null, to: null, lagSeconds, points: 0, bytes: 0, gaps: 0 };
  const { prefix, from, to, points, bytes, gaps } = note;
  return {
    where: `s3://${bucket}/${prefix}`,
    from: isoTime(from),
    to: isoTime(to),
    lagSeconds,
    points,
    bytes,
    gaps,
  };
}

function secondsSince(at: number | undefined, now: number): number | null {
  return at === undefined ? null : Math.max(0, Math.round((now - at) / 1000));
}
