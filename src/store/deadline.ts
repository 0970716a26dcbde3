import type { Clock } from '../runtime/index.ts';

/** A time limit that is lifted by disposing of it; unlike AbortSignal.timeout, which keeps its timer to the end. */
export interface Deadline extends Disposable {
  /** Aborts when the time is over, and never once the limit is lifted: an answer's body may still be read then. */
  readonly signal: AbortSignal;
}

/** Begins a time limit of `ms`. */
export function startDeadline(clock: Clock, ms: number): Deadline {
  const late = new AbortController();
  const lifted = new AbortController();
  const wait = async (): Promise<void> => {
    await clock.sleep(ms, lifted.signal);
    if (!lifted.signal.aborted) late.abort();
  };
  void wait(); // a Clock's sleep never rejects
  return { signal: late.signal, [Symbol.dispose]: () => lifted.abort() };
}
