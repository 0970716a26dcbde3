import type { Clock } from '../platform/runtime/index.ts';

/** Runs `work`, and calls `say` once when it takes longer than `afterMs`. Throws what `work` throws. */
export async function wordWhile<T>(
  clock: Pick<Clock, 'sleep'>,
  afterMs: number,
  say: () => void,
  work: () => Promise<T>,
): Promise<T> {
  const over = new AbortController();
  const sayLater = async (): Promise<void> => {
    await clock.sleep(afterMs, over.signal);
    if (!over.signal.aborted) say();
  };
  const saying = sayLater();
  try {
    return await work();
  } finally {
    over.abort();
    await saying;
  }
}
