export type Order = 'newest' | 'oldest';

const EPOCH_MS = 1_577_836_800_000; // 2020-01-01 UTC
const BUCKET_MS = 5 * 60_000;
const LAST = 2 ** 21 - 1;

/**
 * BullMQ's priority of a tar last modified at `mtimeMs` (ms since 1970): 1 … 2^21 - 1, the lower goes first. Tars of the
 * same five minutes share one; the buckets reach from 2020 to 2039, and what lies outside counts as the nearest end. One that is
 * dated in the future counts as of `now`: a wrong date gives no tar the right to be first.
 */
export function priorityOf(mtimeMs: number, order: Order, now: number): number {
  const bucket = Math.floor((Math.min(mtimeMs, now) - EPOCH_MS) / BUCKET_MS);
  const oldestFirst = Math.min(Math.max(bucket + 1, 1), LAST);
  return order === 'oldest' ? oldestFirst : LAST + 1 - oldestFirst;
}
