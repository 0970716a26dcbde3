import type { Outcome } from '../../platform/queue/index.ts';

/** Something that the maintain role runs again and again. What wakes it decides nothing: a run begins by asking whether it is due. */
export type Task = JournaledTask | UpkeepTask;

interface AnyTask {
  readonly name: string;
  /** Never rejects. Safe to call when it is not due, and by several processes at once. */
  run(signal: AbortSignal): Promise<Outcome>;
}

/** One whose runs the journal knows. */
export interface JournaledTask extends AnyTask {
  readonly kind: 'journaled';
  /** When it is due at moments of the wall clock: it can be woken at them. */
  readonly cron: string | undefined;
  /** Names the run that is due now; undefined when none is. Throws what stands in the way of telling. */
  due(): Promise<string | undefined>;
}

/** One whose runs nobody remembers. */
export interface UpkeepTask extends AnyTask {
  readonly kind: 'upkeep';
  readonly everyMs: number;
}
