import { errnoOf } from '../../domain/faults.ts';

/** What a thread that sleeps waits for. */
const NOTHING = new Int32Array(new SharedArrayBuffer(4));

/** True when the statement only has to be repeated: another process held the lock. */
export function isBusy(error: unknown): boolean {
  return errnoOf(error)?.startsWith('SQLITE_BUSY') === true;
}

/**
 * Repeats `step`, with the thread blocked, as long as another connection's lock keeps it from being done: SQLite's own wait sleeps through
 * gaps of less than a millisecond, and where it fears a deadlock it does not wait at all. Throws what `step` throws, and SQLITE_BUSY too
 * after `limitMs` milliseconds.
 */
export function whileBusy(step: () => void, limitMs: number, pollMs: number): void {
  const deadline = performance.now() + limitMs;
  for (;;) {
    try {
      step();
      return;
    } catch (error) {
      if (!isBusy(error) || performance.now() > deadline) throw error;
      Atomics.wait(NOTHING, 0, 0, pollMs);
    }
  }
}
