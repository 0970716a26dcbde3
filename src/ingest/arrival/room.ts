/** Jobs that wait for extraction at most: what waits in a queue has its turn before all that comes later. */
export const MOST_JOBS = 100;
/** Of large tars it takes fewer to keep extraction busy. */
const ENOUGH_BYTES = 64 * 1024 * 1024;
const LEAST_JOBS = 4;

/**
 * How many tars of these sizes, from the first on, may be queued while so many wait. `sent` are the sizes of those that were
 * queued before, the latest last.
 */
export function roomFor(sizes: readonly number[], waiting: number, sent: readonly number[]): number {
  let jobs = waiting;
  let bytes = waiting === 0 ? 0 : sent.slice(-waiting).reduce((sum, size) => sum + size, 0);
  for (const size of sizes) {
    if (jobs >= MOST_JOBS || (jobs >= LEAST_JOBS && bytes >= ENOUGH_BYTES)) break;
    jobs += 1;
    bytes += size;
  }
  return jobs - waiting;
}
