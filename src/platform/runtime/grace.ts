import type { Clock } from './clock.ts';

/** A time that something may take to end by itself. */
export interface Grace {
  /** It has ended: nothing more is done to it. Resolves when that is sure. */
  over(): Promise<void>;
}

/** Calls `force` after `ms`, unless it is over by then. */
export function startGrace(clock: Pick<Clock, 'sleep'>, ms: number, force: () => void): Grace {
  const ended = new AbortController();
  const waiting = (async () => {
    await clock.sleep(ms, ended.signal);
    if (!ended.signal.aborted) force();
  })();
  return {
    over: () => {
      ended.abort();
      return waiting;
    },
  };
}
