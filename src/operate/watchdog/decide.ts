/** What a look at one role showed. */
export interface Sample {
  /** Jobs that wait in the queue. */
  readonly waiting: number;
  /** Jobs that run, in all processes. */
  readonly active: number;
  /** Jobs that run in this process. */
  readonly activeHere: number;
  /** Jobs that ended in this process since it started. */
  readonly finished: number;
  /** Why the queue is not worked off on purpose: it is paused, or the store is away. */
  readonly heldBecause: string | undefined;
}

export interface WatchdogLimits {
  /** Work waits and no worker takes it: so long is an accident no longer. */
  readonly idleMs: number;
  /** One job may rightly take this long. */
  readonly busyMs: number;
}

const MINUTE_MS = 60_000;
/** A tar of `extract.maxTotalBytes`, recordings below a low `upload.bytesPerSecond`, a mirror: each may take its time. */
export const PATIENCE = {
  extract: { idleMs: 2 * MINUTE_MS, busyMs: 60 * MINUTE_MS },
  upload: { idleMs: 2 * MINUTE_MS, busyMs: 10 * MINUTE_MS },
  maintenance: { idleMs: 2 * MINUTE_MS, busyMs: 360 * MINUTE_MS },
} as const satisfies Record<string, WatchdogLimits>;

/** What is remembered from look to look. */
export interface Stuck {
  readonly finished: number;
  /** Since when nothing has moved, monotonic; undefined while all is well. */
  readonly sinceMs: number | undefined;
  /** A new worker was tried and did not help. */
  readonly recreated: boolean;
}

export const NOT_STUCK: Stuck = { finished: -1, sinceMs: undefined, recreated: false };

export type Decision =
  | { readonly kind: 'fine' }
  | { readonly kind: 'recreate the worker' | 'end the process'; readonly reason: string };

/**
 * What follows from a look at `nowMs` (monotonic). Work that waits while no worker works is the worker's fault: first it is made
 * anew, then the process ends. A job that does not end cannot be ended from outside: the process ends at once.
 */
export function judgeProgress(
  before: Stuck,
  sample: Sample,
  nowMs: number,
  limits: WatchdogLimits,
): { readonly decision: Decision; readonly stuck: Stuck } {
  const { waiting, active, activeHere, finished, heldBecause } = sample;
  const moved = finished !== before.finished;
  const idle = waiting > 0 && active === 0;
  const busy = activeHere > 0;
  if (moved || heldBecause !== undefined || (!idle && !busy)) {
    return {
      decision: { kind: 'fine' },
      stuck: { finished, sinceMs: undefined, recreated: before.recreated && !moved },
    };
  }
  const sinceMs = before.sinceMs ?? nowMs;
  const stuckMs = nowMs - sinceMs;
  const stuck = { ...before, sinceMs };
  const forSeconds = `for ${Math.round(stuckMs / 1000)} s`;
  if (busy) {
    if (stuckMs <= limits.busyMs) return { decision: { kind: 'fine' }, stuck };
    const reason = `${activeHere} jobs run here, and none has ended ${forSeconds}`;
    return { decision: { kind: 'end the process', reason }, stuck };
  }
  if (stuckMs <= limits.idleMs) return { decision: { kind: 'fine' }, stuck };
  const reason = `${waiting} jobs wait, and none was taken ${forSeconds}`;
  if (before.recreated) return { decision: { kind: 'end the process', reason }, stuck };
  return {
    decision: { kind: 'recreate the worker', reason },
    stuck: { finished, sinceMs: undefined, recreated: true },
  };
}
