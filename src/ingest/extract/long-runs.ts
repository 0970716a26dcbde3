import type { Clock } from '../../platform/runtime/index.ts';

/** What takes longer than this is no usual tar. */
const LONG_MS = 10_000;
/** So many of them are no reason that others wait; arrival lets fewer in at once. */
export const MOST_LONG = 8;

/** Extractions under way, as far as some of them take long. */
export interface LongRuns {
  run<T>(work: () => Promise<T>): Promise<T>;
  /** How many have run for ten seconds and more, eight at most. */
  readonly count: () => number;
}

/**
 * Counts the extractions that take long. They share their thread with the others in turns, so they cost these some time; what they
 * must not have is the others' places, or two bombs of one client would hold up everybody (P13).
 */
export function createLongRuns(clock: Pick<Clock, 'monotonicMs'>): LongRuns {
  const begun = new Set<{ readonly atMs: number }>();
  return {
    run: async (work) => {
      const one = { atMs: clock.monotonicMs() };
      begun.add(one);
      try {
        return await work();
      } finally {
        begun.delete(one);
      }
    },
    count: () => {
      const before = clock.monotonicMs() - LONG_MS;
      return Math.min([...begun].filter(({ atMs }) => atMs <= before).length, MOST_LONG);
    },
  };
}
