import type { Cursor, PageOf } from '../../domain/ledger.ts';
import { cursorOf, readCursor } from '../paging/index.ts';

// A cursor holds the key of the row that it stands behind: a rowid, or a path where a list goes by paths.

/** The rowid that a page begins behind. Throws USAGE. */
export function rowidOf(after: Cursor | undefined): number {
  return after === undefined ? 0 : readCursor(after, isRowid);
}

/** The path that a page begins behind. Throws USAGE. */
export function pathOf(after: Cursor | undefined): string {
  return after === undefined ? '' : readCursor(after, isText);
}

/** A page of `records`, which were read up to `limit`; `keyOf` is what the next page begins behind. */
export function pageByKey<R, T>(
  records: readonly R[],
  limit: number,
  keyOf: (record: R) => number | string,
  rowOf: (record: R) => T,
): PageOf<T> {
  const last = records.at(-1);
  const isLast = last === undefined || records.length < limit;
  return { rows: records.map(rowOf), next: isLast ? undefined : cursorOf(keyOf(last)) };
}

function isRowid(value: unknown): value is number {
  return Number.isSafeInteger(value);
}

function isText(value: unknown): value is string {
  return typeof value === 'string';
}
