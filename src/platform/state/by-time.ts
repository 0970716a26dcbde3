import type { TarFilter, TarLine } from '../../domain/browse.ts';
import type { Cursor, PageOf } from '../../domain/ledger.ts';
import type { RecordingRow } from '../../domain/recording.ts';
import { cursorOf, readCursor } from '../paging/index.ts';
import { recordingRow, type UploadsRecord } from './rows.ts';

// Recordings in the order of their last change, in pages that begin behind a row and not at a count of rows: a page that is asked
// for while rows change misses none of those that stayed as they were, and shows none of them twice.

/** A place among the rows that have a time. */
export interface DatedPlace {
  readonly timestamp: string;
  readonly rowid: number;
}

/** Where a recording stands in the order by time: the latest change first, those without a time last. */
export interface RecordingPlace {
  readonly timestamp: string | null;
  readonly rowid: number;
}

/** The place that a cursor holds. Throws USAGE. */
export function placeOf(after: Cursor | undefined): RecordingPlace | undefined {
  return after === undefined ? undefined : readCursor(after, isPlace);
}

function isPlace(value: unknown): value is RecordingPlace {
  if (typeof value !== 'object' || value === null || !('rowid' in value) || !('timestamp' in value))
    return false;
  const { rowid, timestamp } = value;
  return Number.isSafeInteger(rowid) && (timestamp === null || typeof timestamp === 'string');
}

const BEFORE_ALL = Number.MAX_SAFE_INTEGER;
/** Follows every timestamp. */
const NEWEST: DatedPlace = { timestamp: '\u{10FFFF}', rowid: BEFORE_ALL };
const NONE_DATED: DatedPlace = { timestamp: '', rowid: 0 };

/** What the two conditions compare with, so that together they take what comes behind a place; all of it without one. */
export function placeBounds(
  after: RecordingPlace | undefined,
): DatedPlace & { readonly undatedRowid: number } {
  if (after === undefined) return { ...NEWEST, undatedRowid: BEFORE_ALL };
  const { timestamp, rowid } = after;
  return timestamp === null
    ? { ...NONE_DATED, undatedRowid: rowid }
    : { timestamp, rowid, undatedRowid: BEFORE_ALL };
}

/** A page out of `records`, of which one more than `limit` was asked for. */
export function recordingPage(records: readonly UploadsRecord[], limit: number): PageOf<RecordingRow> {
  const last = records.length > limit ? records[limit - 1] : undefined;
  return {
    rows: records.slice(0, limit).map(recordingRow),
    next: last === undefined ? undefined : cursorOf({ timestamp: last.timestamp, rowid: last.rowid }),
  };
}

/** Follows every text. */
export const LAST = '\u{10FFFF}';

/** Where a tar stands in the order by time, the latest first. */
interface TarPlace {
  readonly timestamp: string;
  readonly path: string;
}

/** The place that a page of tars begins behind: that of a cursor, else of the time that it ends at, else before all. Throws USAGE. */
export function tarPlaceOf({
  after,
  to,
}: Pick<TarFilter, 'to'> & { readonly after?: Cursor | undefined }): TarPlace {
  if (after !== undefined) return readCursor(after, isTarPlace);
  return { timestamp: to ?? LAST, path: to === undefined ? LAST : '' };
}

function isTarPlace(value: unknown): value is TarPlace {
  if (typeof value !== 'object' || value === null || !('timestamp' in value) || !('path' in value))
    return false;
  return typeof value.timestamp === 'string' && typeof value.path === 'string';
}

/** A page out of `lines`, of which one more than `limit` was asked for. */
export function tarPage(lines: readonly TarLine[], limit: number): PageOf<TarLine> {
  const last = lines.length > limit ? lines[limit - 1] : undefined;
  return {
    rows: lines.slice(0, limit),
    next: last === undefined ? undefined : cursorOf({ timestamp: last.timestamp, path: last.path }),
  };
}
