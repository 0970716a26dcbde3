import { WavspoolError } from '../faults.ts';
import type { Clock } from '../runtime/index.ts';

/** What `promise` gives, unless it takes longer than `ms`: then REDIS_UNREACHABLE, for Redis is what a role waits for. */
export async function within<T>(clock: Clock, ms: number, promise: Promise<T>): Promise<T> {
  const settled = new AbortController();
  const late = async (): Promise<T> => {
    await clock.sleep(ms, settled.signal);
    if (settled.signal.aborted) return promise;
    throw new WavspoolError('REDIS_UNREACHABLE', `Redis did not answer within ${ms / 1000} s`);
  };
  try {
    return await Promise.race([promise, late()]);
  } finally {
    settled.abort();
  }
}
