import type { DatabaseSettings } from '../../platform/config/index.ts';
import { WavspoolError } from '../../domain/faults.ts';
import { listPoints } from '../point-in-time/index.ts';
import type { Source } from '../restore/index.ts';
import type { Job } from '../../platform/jobs/index.ts';
import { listSnapshots } from '../snapshot/index.ts';
import type { Host } from './host.ts';
import { pointSource, snapshotSource, verifySource } from './restore-source.ts';

/** What a drill has restored, to a scratch file, and found good. */
export interface DrillResult {
  readonly restored: readonly string[];
}

/**
 * Proves that what is kept can be restored, before it has to be: a snapshot and a restore point that chance picks are
 * restored to a scratch file each, and checked. Fails with SNAPSHOT_BAD when one is not what it was.
 */
export function drillJob(host: Host, database: DatabaseSettings): Job<DrillResult> {
  const id = `drill ${database.name}`;
  return {
    id,
    lock: id,
    when: { cron: database.drill },
    isNeeded: async () => (await picked(host, database)).length > 0,
    run: async (signal) => {
      const sources = await picked(host, database);
      for (const source of sources) {
        const { ok, reason } = await verifySource(host, source, signal);
        if (!ok) throw new WavspoolError('SNAPSHOT_BAD', reason ?? `${source.from} cannot be restored`);
      }
      return { restored: sources.map(({ from }) => from) };
    },
  };
}

async function picked(host: Host, database: DatabaseSettings): Promise<readonly Source[]> {
  const { dice } = host;
  const lists = database.snapshots.map((schedule) => listSnapshots(host, database, schedule));
  const snapshots = (await Promise.all(lists)).flat().filter(({ verified }) => verified);
  const snapshot = snapshots[Math.floor(dice() * snapshots.length)];
  const { from, to } = database.pointInTime === undefined ? {} : await listPoints(database);
  return [
    ...(snapshot === undefined ? [] : [await snapshotSource(snapshot)]),
    ...(from === undefined || to === undefined
      ? []
      : [pointSource(host, database, Math.round(from + dice() * (to - from)))]),
  ];
}
