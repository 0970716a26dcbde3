import type { DatabaseSettings } from '../../platform/config/index.ts';
import { isoTime } from '../../platform/runtime/index.ts';
import type { Job } from '../../platform/jobs/index.ts';
import {
  listSnapshots,
  pruneSnapshots,
  shipOffsite,
  takeSnapshot,
  type Shipped,
  type SnapshotSchedule,
  type TakenSnapshot,
} from '../snapshot/index.ts';
import type { Maintenance } from './maintenance.ts';
import { inPlace } from './in-place.ts';

/** How long after a failed upload, or a crash before it, the next is tried. */
const SHIP_AGAIN_MS = 10 * 60_000;

/** What a snapshot job did, as the journal keeps it and commands print it. */
export interface SnapshotResult extends Omit<TakenSnapshot, 'at' | 'record'> {
  readonly at: string;
  /** The snapshots that retention has removed. */
  readonly removed: readonly string[];
}

/** Takes a snapshot as its schedule says, then removes what its `keep` does not keep. */
export function snapshotJob(
  maintenance: Maintenance,
  database: DatabaseSettings,
  schedule: SnapshotSchedule,
  label?: string,
): Job<SnapshotResult> {
  return {
    id: `snapshot ${database.name} ${schedule.name}`,
    lock: `snapshot ${database.name}`,
    files: [database.path, schedule.dir],
    ...(schedule.cron !== undefined && { when: { cron: schedule.cron } }),
    ...(schedule.ping !== undefined && { ping: schedule.ping }),
    run: async (signal) => {
      const { record: _record, ...taken } = await inPlace(maintenance, schedule.dir, () =>
        takeSnapshot(maintenance, database, schedule, label, signal),
      );
      const judged = await pruneSnapshots(maintenance, database, schedule, { dryRun: false }, signal);
      const removed = judged.filter(({ keep }) => !keep).map(({ item }) => item.path);
      return { ...taken, at: isoTime(taken.at), removed };
    },
  };
}

/** Brings to the bucket what its offsite rule wants there, and tries again what failed. */
export function offsiteJob(
  maintenance: Maintenance,
  database: DatabaseSettings,
  schedule: SnapshotSchedule,
): Job<Shipped> {
  const id = `offsite ${database.name} ${schedule.name}`;
  return {
    id,
    lock: id,
    files: [database.path, schedule.dir],
    when: { everyMs: SHIP_AGAIN_MS },
    isNeeded: async () => {
      const shippedAt = (await maintenance.journal.last(id, maintenance.clock.now())).good?.startedAt;
      const newest = (await listSnapshots(maintenance, database, schedule)).find(
        ({ doubt, foreign }) => doubt === undefined && foreign === undefined,
      );
      if (newest === undefined) return false;
      const goodAt = Math.max(newest.at, newest.record?.confirmedAt ?? 0);
      return shippedAt === undefined || goodAt >= shippedAt;
    },
    run: async (signal) => {
      const { report, timezone, clock, origin, databases } = maintenance;
      const deps = { store: await maintenance.store(), report, timezone, clock, origin, databases };
      return shipOffsite(deps, database, schedule, signal);
    },
  };
}
