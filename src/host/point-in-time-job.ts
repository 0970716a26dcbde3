import type { DatabaseSettings } from '../config/index.ts';
import { capture, listPoints, prunePoints, shipWal, type CaptureResult } from '../point-in-time/index.ts';
import { isoTime } from '../runtime/index.ts';
import type { Job } from '../schedule/index.ts';
import type { PointInTimeStatus } from '../status/index.ts';
import type { Host } from './host.ts';
import { inPlace } from './in-place.ts';

/** How often the archive of a database whose commits are shipped is pruned. */
const PRUNE_MS = 60 * 60_000;

/** Captures the database at its interval and removes what `keep` lets go; the commits of one in `wal` mode are shipped all the time. */
export function pointInTimeJobs(host: Host, database: DatabaseSettings): readonly Job[] {
  const { pointInTime } = database;
  if (pointInTime === undefined) return [];
  const id = `point-in-time ${database.name}`;
  const prune = async (): Promise<{ readonly removed: number }> => {
    const { chains } = await prunePoints(host, database, { dryRun: false });
    return { removed: chains.filter(({ keep }) => !keep).length };
  };
  if (pointInTime.mode === 'wal') return [{ id, lock: id, when: { everyMs: PRUNE_MS }, run: prune }];
  return [
    {
      id,
      lock: id,
      when: { everyMs: pointInTime.every },
      run: (signal): Promise<CaptureResult & { readonly removed: number }> =>
        inPlace(host, pointInTime.dir, async () => ({
          ...(await capture(host, database, signal)),
          ...(await prune()),
        })),
    },
  ];
}

/** Ships the commits of every database in `wal` mode until `signal` aborts; faults are reported. */
export async function shipCommits(host: Host, signal: AbortSignal): Promise<void> {
  const shipped = host.databases.filter(({ pointInTime }) => pointInTime?.mode === 'wal');
  await Promise.all(shipped.map((database) => shipWal(host, database, signal)));
}

/** What can be brought back of each database that is captured, and how far behind its last capture is. */
export async function pointInTimeStatus({
  databases,
  clock,
}: Pick<Host, 'databases' | 'clock'>): Promise<Record<string, PointInTimeStatus>> {
  const captured = databases.filter(({ pointInTime }) => pointInTime !== undefined);
  const entries = captured.map(async (database): Promise<[string, PointInTimeStatus]> => {
    const { from, to, checkedAt, points, bytes, chains, damaged } = await listPoints(database);
    return [
      database.name,
      {
        mode: database.pointInTime?.mode ?? 'pages',
        from: from === undefined ? null : isoTime(from),
        to: to === undefined ? null : isoTime(to),
        lagSeconds:
          checkedAt === undefined ? null : Math.max(0, Math.round((clock.now() - checkedAt) / 1000)),
        points,
        bytes,
        gaps: chains.reduce((sum, { missing }) => sum + missing.length, 0),
        damaged,
      },
    ];
  });
  return Object.fromEntries(await Promise.all(entries));
}
