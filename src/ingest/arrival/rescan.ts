import { dirname } from 'node:path';
import type { ArrivalDeps } from './deps.ts';
import { versionOf, type TarOnDisk } from './look.ts';
import { landingNames } from './matcher.ts';
import { scan, type DirectoryOnDisk, type ScanTold } from './scan.ts';
import type { Tracker } from './tracker.ts';
import type { Watch } from './watch.ts';

const BATCH = 500;
/** An event may be this late before its tar counts as missed. */
const LATE_MS = 5000;

export interface RescanResult {
  /** Tars in the landing directory. */
  readonly tars: number;
  /** Of these, how many need no queueing. */
  readonly known: number;
  /** Of these, how many are open: they wait for their end, their marker or the queue. */
  readonly waiting: number;
  /** Tars that came after the watcher was ready and of which no event told. */
  readonly missedByWatcher: number;
}

/**
 * Compares the landing directory with what is known, has the tracker observe the rest and has what is lively watched. Rejects
 * with what `known` rejects with, or with `signal.reason`; safe to repeat.
 */
export async function rescanArrivals(
  deps: ArrivalDeps,
  tracker: Pick<Tracker, 'has' | 'observe'>,
  watch: Pick<Watch, 'since' | 'follow' | 'followOnly'>,
  { signal, untaken }: { readonly signal?: AbortSignal } & Pick<ScanTold, 'untaken'> = {},
): Promise<RescanResult> {
  const result = { tars: 0, known: 0, waiting: 0, missedByWatcher: 0 };
  const beganMs = deps.clock.monotonicMs();
  const directories: DirectoryOnDisk[] = [];
  const scanned = (directory: DirectoryOnDisk): void => void directories.push(directory);
  try {
    for await (const batch of unknownTars(deps, result, { signal, scanned, untaken })) {
      for (const tar of batch) {
        const since = watch.since(dirname(tar.path));
        if (!tracker.has(tar.path) && isMissed(tar.ctimeMs, deps.clock.now(), since))
          result.missedByWatcher += 1;
        tracker.observe(tar, 'rescan');
        result.waiting += 1;
      }
    }
  } catch (error) {
    watch.follow(directories); // it got so far
    throw error;
  }
  watch.followOnly(directories, beganMs);
  return result;
}

/** Whether the watcher should have told of what last changed at `ctimeMs`. All in ms since 1970. */
export function isMissed(ctimeMs: number, now: number, watchedSince: number | undefined): boolean {
  return watchedSince !== undefined && ctimeMs > watchedSince + LATE_MS && ctimeMs < now - LATE_MS;
}

/** The tars on disk that are not known, in batches; counts all of them on the way, and tells of what else lies there. */
export async function* unknownTars(
  deps: Pick<ArrivalDeps, 'settings' | 'incoming' | 'known'>,
  counts: { tars: number; known: number },
  { signal, ...told }: { signal?: AbortSignal | undefined } & Omit<ScanTold, 'patienceMs'> = {},
): AsyncGenerator<readonly TarOnDisk[], void, undefined> {
  const patienceMs = deps.settings.incompleteAfterSeconds * 1000;
  let batch: TarOnDisk[] = [];
  const takeBatch = async (): Promise<TarOnDisk[]> => {
    signal?.throwIfAborted();
    const full = batch;
    batch = [];
    if (full.length === 0) return [];
    const known = await deps.known(full.map(versionOf));
    const rest = full.filter(({ path }) => !known.has(path));
    counts.tars += full.length;
    counts.known += full.length - rest.length;
    return rest;
  };
  for await (const tar of scan(deps.incoming, landingNames(deps.settings), { ...told, patienceMs })) {
    signal?.throwIfAborted();
    batch.push(tar);
    if (batch.length === BATCH) yield await takeBatch();
  }
  yield await takeBatch();
}
