import { mkdir } from 'node:fs/promises';
import type { ArrivalDeps } from './deps.ts';
import { rescanArrivals, type RescanResult } from './rescan.ts';
import { startTracker } from './tracker.ts';
import { watchArrivals } from './watch.ts';

export interface Arrival {
  /** A rescan that starts after this call; calls during a running one share the next. Rejects when it fails. */
  rescanNow(): Promise<RescanResult>;
  /** Tars that were seen and are not queued yet. */
  open(): number;
  stop(): Promise<void>;
}

/** Errors come in bursts: one rescan answers them all. */
const SOON_MS = 1000;

/**
 * Starts watching the landing directory, which is made when missing, and rescans it now and every `rescanSeconds`.
 * Throws when the directory can't be made; everything later is reported.
 */
export async function startArrival(deps: ArrivalDeps): Promise<Arrival> {
  const { clock, report, settings } = deps;
  await mkdir(deps.incoming, { recursive: true, mode: 0o750 });
  const stopping = new AbortController();
  const tracker = startTracker(deps);
  let soon = new AbortController();
  let running: Promise<RescanResult> | undefined;
  let following: Promise<RescanResult> | undefined;
  let queuedBefore = 0;

  const watcher = watchArrivals(deps, tracker, () => soon.abort());

  const rescan = async (): Promise<RescanResult> => {
    const startedMs = clock.monotonicMs();
    try {
      const result = await rescanArrivals(deps, tracker, watcher, stopping.signal);
      const recordings = (await deps.afterRescan?.()) ?? 0;
      const queued = tracker.queued() - queuedBefore;
      queuedBefore += queued;
      const ms = Math.round(clock.monotonicMs() - startedMs);
      report('rescan finished', { ...result, queued, recordings, ms });
      return result;
    } catch (err) {
      if (!stopping.signal.aborted) report('rescan failed', { err });
      throw err;
    }
  };

  const start = (): Promise<RescanResult> => {
    running = rescan().finally(() => {
      running = undefined;
    });
    return running;
  };

  const rescanNow = (): Promise<RescanResult> => {
    if (running === undefined) return start();
    const startNext = (): Promise<RescanResult> => {
      following = undefined;
      return start();
    };
    following ??= running.then(startNext, startNext);
    return following;
  };

  const keepRescanning = async (): Promise<void> => {
    while (!stopping.signal.aborted) {
      await rescanNow().catch(() => undefined); // reported where it failed; the next one makes up for it
      await clock.sleep(settings.rescanSeconds * 1000, AbortSignal.any([soon.signal, stopping.signal]));
      if (!soon.signal.aborted) continue;
      await clock.sleep(SOON_MS, stopping.signal);
      soon = new AbortController();
    }
  };
  const rescanning = keepRescanning();

  return {
    rescanNow,
    open: () => tracker.size(),
    stop: async () => {
      stopping.abort(new Error('arrival was stopped'));
      await watcher.stop();
      await rescanning;
      await tracker.stop();
    },
  };
}
