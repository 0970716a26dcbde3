import type { PinnedPages, WalEnd } from '../../platform/sqlite/index.ts';
import type { SegmentName } from './names.ts';
import type { Line } from './ship-commits.ts';
import { takePages } from './take-pages.ts';

/** Where a line stands, and the state that it is to be led to. */
export interface Before {
  readonly line: Line;
  /** Where the pinned state ends in the log. */
  readonly left: WalEnd;
  /** When it was pinned, ms since 1970. */
  readonly at: number;
}

export interface Together {
  readonly line: Line;
  /** The record of what differs; undefined when nothing does. */
  readonly written:
    | { readonly segment: SegmentName; readonly bytes: number; readonly pages: number }
    | undefined;
}

/**
 * Leads a line to a pinned state by the pages that differ, as one point, and lets the database go. Undefined when the page size
 * is another one, so that no record can follow.
 */
export async function takeTogether(
  pinned: PinnedPages,
  { line, left, at }: Before,
  directory: string,
  signal: AbortSignal,
): Promise<Together | undefined> {
  if (pinned.pageSize !== line.base.pageSize) {
    pinned.release();
    return undefined;
  }
  const wal = left.position;
  const wanted = { last: line, at, base: false, ...(wal !== undefined && { wal }) };
  const { record, hashes, pages } = await takePages(pinned, directory, wanted, signal);
  if (record === undefined) return { line: { ...line, hashes, left }, written: undefined };
  const { position, link, segment, bytes } = record;
  return {
    line: { ...line, position, link, left, hashes, recordBytes: line.recordBytes + bytes },
    written: { segment, bytes, pages },
  };
}
