import type { Clock } from '../runtime/index.ts';

/** A time limit that is lifted by disposing of it; unlike AbortSignal.timeout, which keeps its timer to the end. */
export interface Deadline extends Disposable {
  /**
   * Aborts when the time is over or the caller gave up, and never once the limit is lifted: an answer's body may still be read
   * then.
   */
  readonly signal: AbortSignal;
  /** Whether the time was over before anything else ended it. */
  readonly isOver: () => boolean;
}

/** Why a limit ended that is not needed any longer. Given, because an abort without a reason makes an error with a stack. */
const LIFTED = new Error('the time limit was lifted');

/** Begins a time limit of `ms` for a caller that gives up when `outer` aborts. */
export function startDeadline(clock: Clock, ms: number, outer: AbortSignal): Deadline {
  const ended = new AbortController();
  const lifted = new AbortController();
  let over = false;
  const giveUp = (): void => ended.abort(outer.reason);
  const lift = (): void => {
    outer.removeEventListener('abort', giveUp);
    lifted.abort(LIFTED);
  };
  const wait = async (): Promise<void> => {
    await clock.sleep(ms, lifted.signal);
    if (lifted.signal.aborted || ended.signal.aborted) return;
    over = true;
    ended.abort();
  };
  outer.addEventListener('abort', giveUp, { once: true });
  if (outer.aborted) giveUp();
  else void wait(); // a Clock's sleep never rejects
  return { signal: ended.signal, isOver: () => over, [Symbol.dispose]: lift };
}
