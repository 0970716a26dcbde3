import type { WavspoolError } from '../../domain/faults.ts';
import type { Clock } from './clock.ts';

/** What `promise` gives, unless it takes longer than `ms`: then it throws `fault`. */
export async function within<T>(
  clock: Clock,
  ms: number,
  promise: Promise<T>,
  fault: () => WavspoolError,
): Promise<T> {
  const settled = new AbortController();
  const late = async (): Promise<T> => {
    await clock.sleep(ms, settled.signal);
    if (settled.signal.aborted) return promise;
    throw fault();
  };
  try {
    return await Promise.race([promise, late()]);
  } finally {
    settled.abort();
  }
}
