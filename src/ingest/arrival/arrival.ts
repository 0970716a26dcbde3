import { mkdir } from 'node:fs/promises';
import type { Report } from '../../domain/events.ts';
import type { Candidate } from './pending-tars.ts';
import type { ArrivalDeps } from './deps.ts';
import { rescanArrivals, type RescanResult } from './rescan.ts';
import { startTracker, type Tracker } from './tracker.ts';
import { createTally, type Landing, type Tally, type Untaken } from './untaken.ts';
import { watchArrivals, type Watch } from './watch.ts';

export interface Arrival {
  /** A rescan that starts after this call; calls during a running one share the next. Rejects when it fails. */
  rescanNow(): Promise<RescanResult>;
  /** Tars that were seen and are not queued yet. */
  open(): number;
  /** What lies there and is not taken: of tars as it is now, of the rest as the last rescan found it; undefined before that. */
  landing(): Landing | undefined;
  /** How long the rescan that runs now has done so; undefined while none runs. */
  readonly rescanningMs: () => number | undefined;
  stop(): Promise<void>;
}

/** Errors come in bursts: one rescan answers them all. */
const SOON_MS = 1000;
/** How soon it is looked again for a landing directory that is away. */
const AWAY_MS = 5000;
const NOTHING: RescanResult = { tars: 0, known: 0, waiting: 0, missedByWatcher: 0 };

/**
 * Starts watching the landing directory, which is made when missing, and rescans it now and every `rescanSeconds`. While it is away
 * no tar of it counts as gone. Throws when the directory can't be made; everything later is reported.
 */
export async function startArrival(deps: ArrivalDeps): Promise<Arrival> {
  const { clock, settings } = deps;
  const isAway = (await deps.away?.()) !== undefined;
  if (!isAway) await mkdir(deps.incoming, { recursive: true, mode: 0o750 });
  const stopping = new AbortController();
  const tracker = startTracker(deps);
  let soon = new AbortController();
  const watcher = watchArrivals(deps, tracker, () => soon.abort());
  const rescans = createRescans(deps, tracker, watcher, { isAway, signal: stopping.signal });
  const rescanNow = oneAtATime(rescans.run);

  const keepRescanning = async (): Promise<void> => {
    while (!stopping.signal.aborted) {
      await rescanNow().catch(() => undefined); // reported where it failed; the next one makes up for it
      const everyMs = settings.rescanSeconds * 1000;
      const forMs = rescans.isAway() ? Math.min(AWAY_MS, everyMs) : everyMs;
      await clock.sleep(forMs, AbortSignal.any([soon.signal, stopping.signal]));
      if (!soon.signal.aborted) continue;
      await clock.sleep(SOON_MS, stopping.signal);
      soon = new AbortController();
    }
  };
  const rescanning = keepRescanning();

  return {
    rescanNow,
    open: () => tracker.size(),
    rescanningMs: rescans.runningMs,
    landing: () => {
      const open = createTally();
      for (const candidate of tracker.candidates()) open.add(asUntaken(candidate));
      return rescans.untaken()?.figures(clock.now(), open);
    },
    stop: async () => {
      stopping.abort(new Error('arrival was stopped'));
      await watcher.stop();
      await rescanning;
      await tracker.stop();
    },
  };
}

/** Runs one after the other; what is asked for during a run shares the next one. */
function oneAtATime<T>(run: () => Promise<T>): () => Promise<T> {
  let running: Promise<T> | undefined;
  let following: Promise<T> | undefined;
  const start = (): Promise<T> => {
    following = undefined;
    running = run().finally(() => {
      running = undefined;
    });
    return running;
  };
  return () => {
    if (running === undefined) return start();
    const another = (): Promise<T> => running ?? start();
    following ??= running.then(another, another);
    return following;
  };
}

/** The rescans of the landing directory, and what the last one found. */
interface Rescans {
  readonly run: () => Promise<RescanResult>;
  readonly runningMs: () => number | undefined;
  /** Whether the landing directory was away when it was last looked for. */
  readonly isAway: () => boolean;
  readonly untaken: () => Tally | undefined;
}

function createRescans(
  deps: ArrivalDeps,
  tracker: Tracker,
  watcher: Watch,
  begun: { readonly isAway: boolean; readonly signal: AbortSignal },
): Rescans {
  const { clock, report } = deps;
  const { signal } = begun;
  let { isAway } = begun;
  let queuedBefore = 0;
  let untaken: Tally | undefined;
  let startedMs: number | undefined;

  const look = async (): Promise<RescanResult> => {
    const wasAway = isAway;
    isAway = (await deps.away?.()) !== undefined;
    if (isAway) return NOTHING;
    if (wasAway) watcher.startAnew();
    const found = createTally();
    const result = await rescanArrivals(deps, tracker, watcher, { signal, untaken: found.add });
    reportChanges(report, untaken, found);
    untaken = found;
    return result;
  };

  return {
    run: async () => {
      const beganMs = clock.monotonicMs();
      startedMs = beganMs;
      try {
        const result = await look();
        const recordings = (await deps.afterRescan?.()) ?? 0;
        const queued = tracker.queued() - queuedBefore;
        queuedBefore += queued;
        const ms = Math.round(clock.monotonicMs() - beganMs);
        report('rescan finished', { ...result, queued, recordings, ms });
        return result;
      } catch (err) {
        if (!signal.aborted) report('rescan failed', { err });
        throw err;
      } finally {
        startedMs = undefined;
      }
    },
    runningMs: () => (startedMs === undefined ? undefined : clock.monotonicMs() - startedMs),
    isAway: () => isAway,
    untaken: () => untaken,
  };
}

/** A tar that is seen and not queued yet: what ails it needs an operator, its turn comes by itself. */
function asUntaken({ path, version, changedMs, wait }: Candidate): Untaken {
  const patienceMs = wait.reason === 'waiting' ? Infinity : 0;
  return { path, bytes: version.size, changedMs, patienceMs, ...wait };
}

/** One line for each reason of which there are more or fewer than before: a line for each file would be one for each rescan. */
function reportChanges(report: Report, before: Tally | undefined, now: Tally): void {
  for (const [reason, { count, bytes, examples }] of now.sums) {
    if (reason === 'waiting' || count === before?.sums.get(reason)?.count) continue;
    report('files not taken', { reason, files: count, bytes, examples });
  }
}
