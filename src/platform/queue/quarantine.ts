import type { Clock } from '../runtime/index.ts';

/** How long a job is put off that may not start now. */
export const PUT_OFF_MS = 2000;

/**
 * Jobs that were running when a worker died are suspects, and all but one of them are innocent. So a suspect runs alone in its
 * process: when that dies too, nobody else is counted as having killed it.
 */
export interface Quarantine {
  /** Whether a job may start; if so, `end` must be called when it has ended. */
  start(isSuspect: boolean): boolean;
  end(isSuspect: boolean): void;
}

/** A quarantine for the jobs of one worker. */
export function createQuarantine(clock: Clock): Quarantine {
  let active = 0;
  let suspectRuns = false;
  /** A suspect waits for the others to end: until then nobody new starts, else its turn would never come. */
  let reservedUntilMs = Number.NEGATIVE_INFINITY;

  const mayStart = (isSuspect: boolean): boolean => {
    if (suspectRuns) return false;
    if (!isSuspect) return clock.monotonicMs() >= reservedUntilMs;
    if (active === 0) return true;
    reservedUntilMs = clock.monotonicMs() + 2 * PUT_OFF_MS;
    return false;
  };
  return {
    start: (isSuspect) => {
      if (!mayStart(isSuspect)) return false;
      active += 1;
      if (isSuspect) suspectRuns = true;
      return true;
    },
    end: (isSuspect) => {
      active -= 1;
      if (!isSuspect) return;
      suspectRuns = false;
      reservedUntilMs = Number.NEGATIVE_INFINITY;
    },
  };
}
