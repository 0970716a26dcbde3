import type { Queue } from 'bullmq';
import type { Payload } from './jobs.ts';
import type { QueueKind } from './names.ts';

const PAGE = 500;

/**
 * Removes those failed jobs of a queue of which `isDone` says that their work was done all the same; returns how many. `inTime`
 * bounds how long a call may wait for Redis. Safe to repeat.
 */
export async function removeFailed<K extends QueueKind>(
  bull: Queue,
  isDone: (payload: Payload<K>) => boolean | Promise<boolean>,
  inTime: <T>(what: string, promise: Promise<T>) => Promise<T>,
): Promise<number> {
  let removed = 0;
  for (let from = 0; ;) {
    const jobs = await inTime('look into', bull.getJobs(['failed'], from, from + PAGE - 1, true));
    if (jobs.length === 0) return removed;
    from += jobs.length;
    for (const job of jobs) {
      if (!(await isDone(job.data as Payload<K>))) continue;
      await inTime('remove from', job.remove());
      removed += 1;
      from -= 1; // those behind it move up
    }
  }
}
