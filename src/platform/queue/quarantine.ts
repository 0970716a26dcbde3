import type { Clock } from '../runtime/index.ts';

/** How long a job is put off that may not start now. */
export const PUT_OFF_MS = 2000;

/** A process that a job kills is dead before this: from then on the job is company for no other. */
const LONG_MS = 30_000;

/**
 * Jobs that were running when a worker died are suspects, and all but one of them are innocent. So a suspect runs alone in its
 * process: when that dies too, no other job is counted as having killed it. One that has run for half a minute keeps the others from
 * nothing any more, or a large one would hold up all.
 */
export interface Quarantine {
  /** Lets a job start, or not now: undefined. */
  start(isSuspect: boolean): Place | undefined;
}

/** What a job that may start has. */
export interface Place {
  /** Whether it is counted when the process dies: a suspect is not where one that runs for long may have done it. */
  readonly isCounted: boolean;
  /** To be called when it has ended. */
  end(): void;
}

/** A quarantine for the jobs of one worker. */
export function createQuarantine(clock: Pick<Clock, 'monotonicMs'>): Quarantine {
  const active = new Set<{ readonly atMs: number; readonly isSuspect: boolean }>();
  /** A suspect waits for the others to end: until then no new job starts, else its turn would never come. */
  let reservedUntilMs = Number.NEGATIVE_INFINITY;

  const mayStart = (isSuspect: boolean, now: number): boolean => {
    const fresh = [...active].filter(({ atMs }) => now - atMs < LONG_MS);
    if (fresh.some((one) => one.isSuspect)) return false;
    if (!isSuspect) return now >= reservedUntilMs;
    if (fresh.length === 0) return true;
    reservedUntilMs = now + 2 * PUT_OFF_MS;
    return false;
  };
  return {
    start: (isSuspect) => {
      const atMs = clock.monotonicMs();
      if (!mayStart(isSuspect, atMs)) return undefined;
      const one = { atMs, isSuspect };
      const isCounted = !isSuspect || active.size === 0;
      active.add(one);
      return {
        isCounted,
        end: () => {
          active.delete(one);
          if (isSuspect) reservedUntilMs = Number.NEGATIVE_INFINITY;
        },
      };
    },
  };
}
