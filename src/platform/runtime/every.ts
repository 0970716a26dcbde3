import type { Clock } from './clock.ts';

/** A lasting failure is told at first, then this often. */
const TELL_AGAIN_MS = 30_000;

export interface Repeating {
  readonly clock: Clock;
  /** Ends it; a step that is under way goes on to its own end. */
  readonly signal: AbortSignal;
  /** Hears why a step rejected: at first, and every 30 s while one after the other does; `times` counts them. */
  readonly failed: (err: unknown, times: number) => void;
}

/**
 * Runs `step` at once, and again `everyMs` after it has ended, until the signal aborts. A step that rejects comes again like any
 * other; one that rejects because of the signal is not told of. Never rejects.
 */
export async function every(
  everyMs: number | (() => number),
  step: () => Promise<void> | void,
  { clock, signal, failed }: Repeating,
): Promise<void> {
  let times = 0;
  let toldAt = Number.NEGATIVE_INFINITY;
  while (!signal.aborted) {
    try {
      await step();
      times = 0;
      toldAt = Number.NEGATIVE_INFINITY;
    } catch (err) {
      times += 1;
      const now = clock.monotonicMs();
      if (!signal.aborted && now - toldAt >= TELL_AGAIN_MS) {
        toldAt = now;
        failed(err, times);
      }
    }
    await clock.sleep(typeof everyMs === 'number' ? everyMs : everyMs(), signal);
  }
}
