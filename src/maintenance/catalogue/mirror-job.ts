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
import type { Host } from './host.ts';
import { inPlace } from './in-place.ts';

/** What a mirror job did, as the journal keeps it and commands print it. */
export interface MirrorOutcome extends Omit<MirrorResult, 'at'> {
  readonly at: string;
}

/** Mirrors the directory with its databases' snapshots, then removes what its `keep` does not keep. */
export function mirrorJob(host: Host, mirror: MirrorSettings): Job<MirrorOutcome> {
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
    const taken = await takeSnapshot(host, databaseNamed(host.databases, name), schedule, undefined, signal);
    return { file: taken.path, rows: taken.rows };
  };
  return {
    id,
    lock: id,
    when: { cron: mirror.cron },
    ...(mirror.ping !== undefined && { ping: mirror.ping }),
    run: async (signal) => {
      const { clock, report, timezone, origin, databases } = host;
      const deps = { clock, report, timezone, origin, databases, snapshotInto };
      const done = await inPlace(host, mirror.dir, () => runMirror(deps, mirror, signal));
      return { ...done, at: isoTime(done.at) };
    },
  };
}

/** How long after a failed upload, or a crash before it, the next is tried. */
const SHIP_AGAIN_MS = 10 * 60_000;

/** Brings the dates of a mirror to the bucket that its offsite rule wants there, and tries again what failed. */
export function shipMirrorJob(host: Host, mirror: MirrorSettings): Job<ShippedMirror> {
  const id = `offsite mirror ${mirror.name}`;
  return {
    id,
    lock: `mirror ${mirror.name}`, // no date goes, or is called otherwise, while it is read
    when: { everyMs: SHIP_AGAIN_MS },
    isNeeded: async () => {
      const shippedAt = host.journal.last(id, host.clock.now()).good?.startedAt;
      const [newest] = await listMirrors(mirror, host);
      return newest !== undefined && (shippedAt === undefined || newest.at >= shippedAt);
    },
    run: async (signal) => {
      const { clock, report, timezone, origin, dataDirectory } = host;
      return shipMirror(
        { clock, report, timezone, origin, dataDirectory, store: await host.store() },
        mirror,
        signal,
      );
    },
  };
}
