import type { DatabaseSettings } from '../config/index.ts';
import { WavspoolError } from '../faults.ts';
import type { Job } from '../schedule/index.ts';
import { listSnapshots, type Snapshot } from '../snapshot/index.ts';
import type { Host } from './host.ts';
import { snapshotSource, verifySource } from './restore-source.ts';

/** What a drill has restored, to a scratch file, and found good. */
export interface DrillResult {
  readonly restored: readonly string[];
}

/**
 * Proves that what is kept can be restored, before it has to be: a snapshot that chance picks is restored to a scratch file
 * and checked. Fails with SNAPSHOT_BAD when it is not what it was.
 */
export function drillJob(host: Host, database: DatabaseSettings): Job<DrillResult> {
  const id = `drill ${database.name}`;
  const candidates = async (): Promise<readonly Snapshot[]> => {
    const lists = database.snapshots.map((schedule) => listSnapshots(database.name, schedule, host.timezone));
    return (await Promise.all(lists)).flat().filter(({ verified }) => verified);
  };
  return {
    id,
    lock: id,
    when: { cron: database.drill },
    isNeeded: async () => (await candidates()).length > 0,
    run: async (signal) => {
      const all = await candidates();
      const picked = all[Math.floor(host.dice() * all.length)];
      if (picked === undefined)
        throw new WavspoolError('SNAPSHOT_UNKNOWN', `there is no snapshot of ${database.name} to restore`);
      const { ok, reason } = await verifySource(host, await snapshotSource(picked), signal);
      if (!ok) throw new WavspoolError('SNAPSHOT_BAD', reason ?? `${picked.path} cannot be restored`);
      return { restored: [picked.path] };
    },
  };
}
