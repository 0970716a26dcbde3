import { startGrace, type Clock } from '../platform/runtime/index.ts';

/** Runs `work`, and calls `say` once when it takes longer than `afterMs`. Throws what `work` throws. */
export async function wordWhile<T>(
  clock: Pick<Clock, 'sleep'>,
  afterMs: number,
  say: () => void,
  work: () => Promise<T>,
): Promise<T> {
  const inTime = startGrace(clock, afterMs, say);
  try {
    return await work();
  } finally {
    await inTime.over();
  }
}
