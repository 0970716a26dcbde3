import type { RecordingFilter } from '../../../domain/browse.ts';
import type { PageOf } from '../../../domain/ledger.ts';
import type { RecordingRow, UploadStatus } from '../../../domain/recording.ts';
import { cursorOf } from '../../paging/index.ts';
import type { Clock } from '../../runtime/index.ts';
import { placeOf, recordingPage, type DatedPlace, type RecordingPlace } from '../by-time.ts';
import { recordingRow, type UploadsRecord } from '../rows.ts';
import { IS_RECORDING, RECORDING } from './columns.ts';
import type { Query } from './statement.ts';

/** Rows that are looked at with one statement. */
const PIECE = 20_000;
/** For one page it looks for so long, and ends the page where it is. */
const LOOK_MS = 60;
const BEFORE_ALL = Number.MAX_SAFE_INTEGER;
/** Follows every timestamp. */
const LAST = '\u{10FFFF}';
const OLDEST: DatedPlace = { timestamp: '', rowid: 0 };
const EVERY: readonly UploadStatus[] = ['PENDING', 'SUCCESS', 'FAILED'];
const IN_ORDER = 'ORDER BY timestamp DESC, rowid DESC';
const IS_BEHIND = '(timestamp, rowid) < ($2, $3::bigint)';
const IS_WITHIN = `${IS_BEHIND} AND (timestamp, rowid) >= ($4, $5::bigint)`;

type Asked = RecordingFilter & { readonly limit: number; readonly after?: string | undefined };

/**
 * Recordings by the time of their last change, the newest first, in pages that begin behind a row. What no index knows is looked for
 * piece by piece, for so long as others can wait: a page may be short, or empty, and not the last.
 */
export async function recordingsByTime(
  query: Query,
  clock: Clock,
  site: string,
  { limit, after, ...filter }: Asked,
): Promise<PageOf<RecordingRow>> {
  const statuses =
    filter.cause === undefined
      ? filter.status === undefined
        ? EVERY
        : [filter.status]
      : (['FAILED'] as const);
  const begin = beginOf(filter.to, placeOf(after));
  const end: DatedPlace = filter.from === undefined ? OLDEST : { timestamp: filter.from, rowid: 0 };
  const { conditions, values } = conditionsOf(filter, 6);
  const read = async (from: DatedPlace, to: DatedPlace, most: number): Promise<UploadsRecord[]> => {
    const bounds = [site, from.timestamp, from.rowid, to.timestamp, to.rowid];
    const text = merged(statuses, RECORDING, [IS_WITHIN, ...conditions].join(' AND '), most);
    return (await query<UploadsRecord>({ name: '', text }, [...bounds, ...values])).rows;
  };
  // an index leads to what is of one tar, and without a condition every row fits
  if (conditions.length === 1 || filter.tar?.startsWith('/') === true)
    return recordingPage(await read(begin, end, limit + 1), limit);

  const startedAt = clock.monotonicMs();
  const found: UploadsRecord[] = [];
  let from = begin;
  while (found.length <= limit && (from === begin || clock.monotonicMs() - startedAt < LOOK_MS)) {
    const text = `SELECT timestamp, rowid FROM (${merged(statuses, 'timestamp, rowid', IS_BEHIND, PIECE)}) AS piece ${IN_ORDER} OFFSET ${PIECE - 1}`;
    const piece = await query<DatedPlace>({ name: '', text }, [site, from.timestamp, from.rowid]);
    const to = later(piece.rows[0], end);
    found.push(...(await read(from, to, limit + 1 - found.length)));
    from = to;
    if (to === end) return recordingPage(found, limit);
  }
  const page = recordingPage(found, limit);
  return page.next === undefined ? { rows: found.map(recordingRow), next: cursorOf(from) } : page;
}

/** A statement for each status, merged: each follows its index. */
function merged(statuses: readonly UploadStatus[], columns: string, condition: string, most: number): string {
  const of = (status: UploadStatus): string => {
    const isOpen = status === 'SUCCESS' ? '' : " AND status <> 'SUCCESS'";
    return `(SELECT ${columns} FROM uploads WHERE site = $1 AND status = '${status}'${isOpen} AND ${condition} ${IN_ORDER} LIMIT ${most})`;
  };
  const [only, ...others] = statuses.map(of);
  return others.length === 0
    ? `${only}`
    : `${[only, ...others].join(' UNION ALL ')} ${IN_ORDER} LIMIT ${most}`;
}

/** What of a filter becomes SQL, its values numbered from `first` on. */
function conditionsOf(
  { part, tar, cause, codec, minMs, maxMs }: RecordingFilter,
  first: number,
): { readonly conditions: readonly string[]; readonly values: readonly unknown[] } {
  const values: unknown[] = [];
  const bind = (value: unknown): string => `$${first - 1 + values.push(value)}`;
  const conditions = [IS_RECORDING];
  if (part !== undefined) {
    const value = bind(part);
    conditions.push(
      `(position(${value}::text IN wav_path) > 0 OR position(${value}::text IN coalesce(tar, '')) > 0)`,
    );
  }
  if (tar !== undefined)
    conditions.push(
      tar.startsWith('/') ? `tar = ${bind(tar)}::text` : `position(${bind(tar)}::text IN tar) > 0`,
    );
  if (cause !== undefined) conditions.push(`coalesce(cause, 'unknown') = ${bind(cause)}::text`);
  if (codec !== undefined) conditions.push(`codec = ${bind(codec)}::text`);
  if (minMs !== undefined) conditions.push(`duration_ms >= ${bind(minMs)}::bigint`);
  if (maxMs !== undefined) conditions.push(`duration_ms <= ${bind(maxMs)}::bigint`);
  return { conditions, values };
}

function beginOf(to: string | undefined, after: RecordingPlace | undefined): DatedPlace {
  if (after !== undefined) return { timestamp: after.timestamp ?? '', rowid: after.rowid };
  return to === undefined ? { timestamp: LAST, rowid: BEFORE_ALL } : { timestamp: to, rowid: 0 };
}

/** The end, unless the place is before it. */
function later(place: DatedPlace | undefined, end: DatedPlace): DatedPlace {
  return place === undefined || place.timestamp < end.timestamp ? end : place;
}
