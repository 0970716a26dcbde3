import {
  listMirrors,
  runMirror,
  shipMirror,
  type MirrorResult,
  type MirrorSettings,
  type ShippedMirror,
} from '../mirror/index.ts';
import { isoTime } from '../../platform/runtime/index.ts';
import type { Job } from '../../platform/jobs/index.ts';
import { databaseNamed, takeSnapshot } from '../snapshot/index.ts';
import type { Maintenance } from './maintenance.ts';
import { inPlace } from './in-place.ts';

/** What a mirror job did, as the journal keeps it and commands print it. */
export interface MirrorOutcome extends Omit<MirrorResult, 'at'> {
  readonly at: string;
}

/** Mirrors the directory with its databases' snapshots, then removes what its `keep` does not keep. */
export function mirrorJob(maintenance: Maintenance, mirror: MirrorSettings): Job<MirrorOutcome> {
  const id = `mirror ${mirror.name}`;
  const snapshotInto = async (
    name: string,
    dir: string,
    signal: AbortSignal,
  ): Promise<{ file: string; rows: number }> => {
    const schedule = {
      name: id,
      dir,
      file: '{name}.db',
      compress: 'none',
      latest: false,
      mode: '0600',
    } as const;
    const taken = await takeSnapshot(
      maintenance,
      databaseNamed(maintenance.databases, name),
      schedule,
      undefined,
      signal,
    );
    return { file: taken.path, rows: taken.rows };
  };
  return {
    id,
    lock: id,
    files: filesOf(mirror),
    when: { cron: mirror.cron },
    ...(mirror.ping !== undefined && { ping: mirror.ping }),
    run: async (signal) => {
      const { clock, report, timezone, origin, databases } = maintenance;
      const deps = { clock, report, timezone, origin, databases, snapshotInto };
      const done = await inPlace(maintenance, mirror.dir, () => runMirror(deps, mirror, signal));
      return { ...done, at: isoTime(done.at) };
    },
  };
}

/** How long after a failed upload, or a crash before it, the next is tried. */
const SHIP_AGAIN_MS = 10 * 60_000;

/** Brings the dates of a mirror to the bucket that its offsite rule wants there, and tries again what failed. */
export function shipMirrorJob(maintenance: Maintenance, mirror: MirrorSettings): Job<ShippedMirror> {
  const id = `offsite mirror ${mirror.name}`;
  return {
    id,
    lock: `mirror ${mirror.name}`, // no date goes, or is called otherwise, while it is read
    files: filesOf(mirror),
    when: { everyMs: SHIP_AGAIN_MS },
    isNeeded: async () => {
      const shippedAt = (await maintenance.journal.last(id, maintenance.clock.now())).good?.startedAt;
      const [newest] = await listMirrors(mirror, maintenance);
      return newest !== undefined && (shippedAt === undefined || newest.at >= shippedAt);
    },
    run: async (signal) => {
      const { clock, report, timezone, origin, dataDirectory } = maintenance;
      return shipMirror(
        { clock, report, timezone, origin, dataDirectory, store: await maintenance.store() },
        mirror,
        signal,
      );
    },
  };
}

function filesOf({ source, sources, dir }: MirrorSettings): readonly string[] {
  return [...(source === undefined ? [] : [source]), ...Object.values(sources ?? {}), dir];
}
