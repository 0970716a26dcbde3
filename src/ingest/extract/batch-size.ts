import type { TakenRecordings } from '../../domain/tar.ts';

/** Every request that `upload.concurrency` allows has so many jobs before it: then none of them idles when the last ones end. */
const JOBS_PER_REQUEST = 2;
/** What a job costs in Redis is hardly felt any more from here on. */
const MOST = 32;
/** Of one job: where recordings are large, the jobs are not what takes the time. */
const MOST_BYTES = 1024 * 1024;

/**
 * How many recordings of a tar share an upload job, which uploads one after the other. One, unless so many recordings wait
 * that the requests in flight are all busy with the jobs before: with few, a batch would only make its own recordings wait for
 * each other. `waiting`: recordings of other tars that wait for their upload.
 */
export function batchSize(
  { recordings, bytes }: TakenRecordings,
  waiting: number,
  concurrency: number,
): number {
  const byBacklog = Math.floor((waiting + recordings) / (JOBS_PER_REQUEST * concurrency));
  const bySize = Math.floor((MOST_BYTES * recordings) / Math.max(1, bytes));
  return Math.max(1, Math.min(MOST, byBacklog, bySize));
}
