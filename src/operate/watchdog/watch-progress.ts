import type { Report } from '../../domain/events.ts';
import { every, type Clock } from '../../platform/runtime/index.ts';
import { NOT_STUCK, judgeProgress, type Sample, type WatchdogLimits } from './decide.ts';

/** What the watchdog looks at and acts on. */
export interface Watched {
  readonly queue: string;
  /** Rejects while Redis does not answer: then nothing can be said. */
  look(): Promise<Sample>;
  /** Lets go of the worker and its connections, and makes new ones. */
  recreate(): Promise<void>;
}

export interface WatchdogDeps {
  readonly clock: Clock;
  readonly report: Report;
  /** Ends the process, for its supervisor to start it again; what ran is tried again elsewhere. */
  readonly end: () => void;
}

export interface Watching {
  /** Why the work does not get on although it should, and since when (ms since 1970), from the look that acted on it on. */
  stall(): { readonly what: string; readonly since: number } | undefined;
  stop(): void;
}

/** Looks every `everyMs`, until stopped, whether work that waits gets done. */
export function watchProgress(
  watched: Watched,
  limits: WatchdogLimits,
  everyMs: number,
  { clock, report, end }: WatchdogDeps,
): Watching {
  const stopped = new AbortController();
  const { queue } = watched;
  let stuck = NOT_STUCK;
  let stall: ReturnType<Watching['stall']>;

  const look = async (): Promise<void> => {
    const judged = judgeProgress(stuck, await watched.look(), clock.monotonicMs(), limits);
    const { decision } = judged;
    const stuckMs = clock.monotonicMs() - (stuck.sinceMs ?? clock.monotonicMs());
    ({ stuck } = judged);
    if (decision.kind !== 'fine')
      stall = { what: decision.reason, since: stall?.since ?? clock.now() - stuckMs };
    else if (stuck.sinceMs === undefined) stall = undefined; // it moves, or nothing is to be done
    if (decision.kind === 'fine' || stopped.signal.aborted) return;
    report('worker stalled', { queue, reason: decision.reason, action: decision.kind });
    if (decision.kind === 'end the process') return end();
    await watched.recreate();
  };

  let isFirst = true;
  const lookLater = async (): Promise<void> => {
    if (!isFirst) await look(); // at the start nothing has had time to move
    isFirst = false;
  };
  // while Redis is away nothing is known, which is not the worker's fault
  const failed = (err: unknown, times: number): void => report('progress not known', { queue, err, times });
  void every(everyMs, lookLater, { clock, signal: stopped.signal, failed });
  return { stall: () => stall, stop: () => stopped.abort() };
}
