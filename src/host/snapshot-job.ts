import type { DatabaseSettings } from '../config/index.ts';
import { isoTime } from '../runtime/index.ts';
import type { Job } from '../schedule/index.ts';
import {
  listSnapshots,
  pruneSnapshots,
  shipOffsite,
  takeSnapshot,
  type Shipped,
  type SnapshotSchedule,
  type TakenSnapshot,
} from '../snapshot/index.ts';
import type { Host } from './host.ts';

/** How long after a failed upload, or a crash before it, the next is tried. */
const SHIP_AGAIN_MS = 10 * 60_000;

/** What a snapshot job did, as the journal keeps it and commands print it. */
export interface SnapshotResult extends Omit<TakenSnapshot, 'at'> {
  readonly at: string;
  /** The snapshots that retention has removed. */
  readonly removed: readonly string[];
}

/** Takes a snapshot as its schedule says, then removes what its `keep` does not keep. */
export function snapshotJob(
  host: Host,
  database: DatabaseSettings,
  schedule: SnapshotSchedule,
  label?: string,
): Job<SnapshotResult> {
  return {
    id: `snapshot ${database.name} ${schedule.name}`,
    lock: `snapshot ${database.name}`,
    ...(schedule.cron !== undefined && { when: { cron: schedule.cron } }),
    ...(schedule.ping !== undefined && { ping: schedule.ping }),
    run: async (signal) => {
      const taken = await takeSnapshot(host, database, schedule, label, signal);
      const judged = await pruneSnapshots(host, database.name, schedule, { dryRun: false }, signal);
      const removed = judged.filter(({ keep }) => !keep).map(({ item }) => item.path);
      return { ...taken, at: isoTime(taken.at), removed };
    },
  };
}

/** Brings to the bucket what its offsite rule wants there, and tries again what failed. */
export function offsiteJob(host: Host, database: DatabaseSettings, schedule: SnapshotSchedule): Job<Shipped> {
  const id = `offsite ${database.name} ${schedule.name}`;
  return {
    id,
    lock: id,
    when: { everyMs: SHIP_AGAIN_MS },
    isNeeded: async () => {
      const shippedAt = host.journal.last(id, host.clock.now()).good?.startedAt;
      const [newest] = await listSnapshots(database.name, schedule, host.timezone);
      return newest !== undefined && (shippedAt === undefined || newest.at >= shippedAt);
    },
    run: async (signal) => {
      const { report, timezone, clock } = host;
      return shipOffsite(
        { store: await host.store(), report, timezone, clock },
        database.name,
        schedule,
        signal,
      );
    },
  };
}
