import type { Queue } from 'bullmq';
import type { Clock } from '../runtime/index.ts';
import type { Payload } from './jobs.ts';
import type { QueueKind } from './names.ts';

/** How long the jobs of a queue have been there, looked up among the first and the last hundred. */
export interface Ages<K extends QueueKind> {
  /** The payload of the job that has waited longest, with its age in ms. */
  oldestWaiting(): Promise<{ readonly payload: Payload<K>; readonly waitingMs: number } | undefined>;
  /** How long the job that has run longest has done so, in ms; undefined when none runs. */
  oldestActiveMs(): Promise<number | undefined>;
}

const LAST = 99;

/** The ages of a queue's jobs; `inTime` bounds how long a call may wait for Redis. */
export function ageMethods<K extends QueueKind>(
  bull: Queue,
  clock: Clock,
  inTime: <T>(what: string, promise: Promise<T>) => Promise<T>,
): Ages<K> {
  return {
    oldestWaiting: async () => {
      // those that starve are the last in order
      const [first, last] = await Promise.all([
        inTime('look into', bull.getJobs(['waiting', 'prioritized'], 0, LAST, true)),
        inTime('look into', bull.getJobs(['prioritized'], 0, LAST, false)),
      ]);
      const oldest = [...first, ...last].toSorted((a, b) => a.timestamp - b.timestamp)[0];
      if (oldest === undefined) return undefined;
      return { payload: oldest.data as Payload<K>, waitingMs: Math.max(0, clock.now() - oldest.timestamp) };
    },
    oldestActiveMs: async () => {
      const active = await inTime('look into', bull.getJobs(['active'], 0, LAST, true));
      if (active.length === 0) return undefined;
      const now = clock.now();
      return Math.max(0, ...active.map(({ processedOn }) => now - (processedOn ?? now)));
    },
  };
}
