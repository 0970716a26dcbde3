import type { Clock } from './clock.ts';

/** Resolves at once, or after a turn of the event loop when the last one is too long ago. */
export type YieldTurn = () => Promise<void>;

/**
 * For long work that never waits: called between its steps, it lets timers, sockets and signals have their turn every
 * `everyMs` of it.
 */
export function createYielder(clock: Clock, everyMs: number): YieldTurn {
  let last = clock.monotonicMs();
  return async () => {
    if (clock.monotonicMs() - last < everyMs) return;
    await new Promise((resolve) => setImmediate(resolve));
    last = clock.monotonicMs();
  };
}
