import type { Clock } from './clock.ts';

/** So often the thread pool does it after a time that was slow. */
const COLD_TIMES = 64;

/** Does something here and now, or has the thread pool do the same. Rejects with what either throws. */
type SyncFirst = <T>(here: () => T, inPool: () => Promise<T>) => Promise<T>;

/**
 * For what asks the kernel: here for as long as that takes `slowMs` at most, because what lies in memory takes microseconds and the
 * way to the thread pool many times that. What has to come from a disk or a network holds the event loop up once; the next
 * {@link COLD_TIMES} do not.
 */
export function createSyncFirst(clock: Clock, slowMs: number): SyncFirst {
  let cold = 0;
  return async (here, inPool) => {
    if (cold > 0) {
      cold -= 1;
      return inPool();
    }
    const startedAt = clock.monotonicMs();
    try {
      return here();
    } finally {
      if (clock.monotonicMs() - startedAt > slowMs) cold = COLD_TIMES;
    }
  };
}
