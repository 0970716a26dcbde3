import type { FailureChoice } from './chosen-failures.ts';
import { requeue, type RequeueDeps } from './requeue.ts';

const LOOK_MS = 250;

/** What became of those that were tried first. */
export interface CanaryOutcome {
  /** How many there were. */
  readonly canary: number;
  /** The paths of those that failed again. */
  readonly failed: readonly string[];
  /** Of those that had not ended when the signal aborted. */
  readonly open: readonly string[];
}

/** Re-queues so many of the recordings first and waits until each has ended, or the signal aborts. */
export async function tryCanaries(
  deps: RequeueDeps,
  choice: FailureChoice,
  many: number,
  by: string,
  signal?: AbortSignal,
): Promise<CanaryOutcome> {
  const { paths, recordings } = await requeue(deps, { ...choice, tars: false, limit: many }, by);
  for (;;) {
    const rows = await deps.ledger.recordings.many(paths);
    const are = (status: string): string[] =>
      rows.filter((row) => row.status === status).map(({ path }) => path);
    const open = are('PENDING');
    if (open.length === 0 || signal?.aborted === true)
      return { canary: recordings, failed: are('FAILED'), open };
    await deps.clock.sleep(LOOK_MS, signal);
  }
}
