import type { DatabaseSettings } from '../../platform/config/index.ts';
import { WavspoolError } from '../../domain/faults.ts';
import { listPoints } from '../point-in-time/index.ts';
import type { Source } from '../restore/index.ts';
import type { Job } from '../../platform/jobs/index.ts';
import { listSnapshots } from '../snapshot/index.ts';
import type { Maintenance } from './maintenance.ts';
import { pointSource, snapshotSource, verifySource } from './restore-source.ts';

/** What a drill has restored, to a scratch file, and found good. */
export interface DrillResult {
  readonly restored: readonly string[];
}

/**
 * Proves that what is kept can be restored, before it has to be: a snapshot and a restore point that chance picks are
 * restored to a scratch file each, and checked. Fails with SNAPSHOT_BAD when one is not what it was.
 */
export function drillJob(maintenance: Maintenance, database: DatabaseSettings): Job<DrillResult> {
  const id = `drill ${database.name}`;
  return {
    id,
    lock: id,
    files: [database.path, ...database.snapshots.map(({ dir }) => dir)],
    when: { cron: database.drill },
    isNeeded: async () => (await picked(maintenance, database)).length > 0,
    run: async (signal) => {
      const sources = await picked(maintenance, database);
      for (const source of sources) {
        const { ok, reason } = await verifySource(maintenance, source, signal);
        if (!ok) throw new WavspoolError('SNAPSHOT_BAD', reason ?? `${source.from} cannot be restored`);
      }
      return { restored: sources.map(({ from }) => from) };
    },
  };
}

async function picked(maintenance: Maintenance, database: DatabaseSettings): Promise<readonly Source[]> {
  const { random } = maintenance;
  const lists = database.snapshots.map((schedule) => listSnapshots(maintenance, database, schedule));
  const snapshots = (await Promise.all(lists)).flat().filter(({ verified }) => verified);
  const snapshot = snapshots[Math.floor(random() * snapshots.length)];
  const { from, to } = database.pointInTime === undefined ? {} : await listPoints(database);
  return [
    ...(snapshot === undefined ? [] : [await snapshotSource(snapshot)]),
    ...(from === undefined || to === undefined
      ? []
      : [pointSource(maintenance, database, Math.round(from + random() * (to - from)))]),
  ];
}
