import type { OpenRecording } from '../../../domain/recording.ts';

/** What a batch is known by; its rows follow each other in the order of extraction. */
type InBatch = Pick<OpenRecording, 'tar' | 'tarMtimeMs' | 'batch'>;

/** Whether two recordings share an upload job. */
export function isSameBatch(a: InBatch, b: InBatch): boolean {
  return a.batch !== undefined && a.batch === b.batch && a.tar === b.tar && a.tarMtimeMs === b.tarMtimeMs;
}

/** A full page may end in the middle of a batch; then all of that batch is left to the next page. */
export function wholeBatches<T extends InBatch>(page: readonly T[], limit: number): readonly T[] {
  const last = page.at(-1);
  if (page.length < limit || last === undefined) return page;
  const whole = page.slice(0, page.findLastIndex((row) => !isSameBatch(row, last)) + 1);
  return last.batch === undefined || whole.length === 0 ? page : whole;
}
