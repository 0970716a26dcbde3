import type { Browsing, FailureGroup, RecordingFilter, TarLine } from '../../../domain/browse.ts';
import type { UploadStatus } from '../../../domain/recording.ts';
import { createYielder, type Clock } from '../../runtime/index.ts';
import type { Sqlite } from '../../sqlite/index.ts';
import { cursorOf } from '../../paging/index.ts';
import {
  LAST,
  placeOf,
  recordingPage,
  tarPage,
  tarPlaceOf,
  type DatedPlace,
  type RecordingPlace,
} from '../by-time.ts';
import { IS_DATED_BEHIND } from './behind.ts';
import { IS_RECORDING } from './recordings.ts';
import { recordingRow, type UploadsRecord } from '../rows.ts';

/** Rows that are looked at in one piece: 6 ms. */
const PIECE = 10_000;
/** Rows that are looked at for one page. */
const MOST_LOOKED = 120_000;
const BREATH_MS = 10;
const BEFORE_ALL = Number.MAX_SAFE_INTEGER;
const OLDEST: DatedPlace = { timestamp: '', rowid: 0 };
const MOST_GROUPS = 100;

/** What people look for, in the order of time. */
export function browseMethods(db: Sqlite, clock: Clock): Browsing {
  const groups = db.prepare(
    `SELECT coalesce(cause, 'unknown') AS cause,
       replace(replace(coalesce(error_message, ''), wav_path, '…'), coalesce(tar, wav_path), '…') AS message,
       count(*) AS recordings, min(timestamp) AS since
     FROM uploads WHERE status = 'FAILED' AND ${IS_RECORDING} GROUP BY 1, 2 ORDER BY 3 DESC, 1, 2 LIMIT ${MOST_GROUPS}`,
  );
  const bytes = db
    .prepare(
      "SELECT coalesce(sum(size), 0) FROM uploads WHERE status = 'SUCCESS' AND timestamp >= ? AND timestamp < ?",
    )
    .pluck();
  return {
    browse: browser(db, clock),
    browseTars: tarBrowser(db),
    failureGroups: () =>
      Promise.resolve(
        (groups.all() as (FailureGroup & { since: string | null })[]).map((group) => ({
          ...group,
          since: group.since ?? undefined,
        })),
      ),
    bytesUploadedBetween: (from, to) => Promise.resolve(bytes.get(from, to) as number),
  };
}

/** What of a filter becomes SQL; its values are bound. */
function conditions(filter: RecordingFilter): readonly string[] {
  const { part, tar, cause, codec, minMs, maxMs } = filter;
  return [
    IS_RECORDING,
    ...(part === undefined ? [] : ["(instr(wav_path, @part) > 0 OR instr(coalesce(tar, ''), @part) > 0)"]),
    ...(tar === undefined ? [] : [tar.startsWith('/') ? 'tar = @tar' : 'instr(tar, @tar) > 0']),
    ...(cause === undefined ? [] : ["coalesce(cause, 'unknown') = @cause"]),
    ...(codec === undefined ? [] : ['codec = @codec']),
    ...(minMs === undefined ? [] : ['duration_ms >= @minMs']),
    ...(maxMs === undefined ? [] : ['duration_ms <= @maxMs']),
  ];
}

function valuesOf(filter: RecordingFilter): Record<string, string | number> {
  const { part, tar, cause, codec, minMs, maxMs } = filter;
  return Object.fromEntries(
    Object.entries({ part, tar, cause, codec, minMs, maxMs }).filter(([, value]) => value !== undefined),
  ) as Record<string, string | number>;
}

function browser(db: Sqlite, clock: Clock): Browsing['browse'] {
  return async ({ limit, after, ...filter }) => {
    const statuses: readonly UploadStatus[] =
      filter.cause === undefined
        ? filter.status === undefined
          ? ['PENDING', 'SUCCESS', 'FAILED']
          : [filter.status]
        : ['FAILED'];
    const fits = conditions(filter).join(' AND ');
    const values = valuesOf(filter);
    const begin = beginOf(filter.to, placeOf(after));
    const end: DatedPlace = filter.from === undefined ? OLDEST : { timestamp: filter.from, rowid: 0 };
    if (filter.tar?.startsWith('/') === true)
      return ofOneTar(db, statuses, fits, values, { begin, end, limit });

    // a statement for each status, merged: each follows the index
    const merged = (columns: string, condition: string): string =>
      statuses
        .map((status) => `SELECT ${columns} FROM uploads WHERE status = '${status}' AND ${condition}`)
        .join(' UNION ALL ');
    const inOrder = 'ORDER BY timestamp DESC, rowid DESC';
    const pieceEnd = db.prepare(
      `${merged('timestamp, rowid', IS_DATED_BEHIND)} ${inOrder} LIMIT 1 OFFSET ${PIECE - 1}`,
    );
    const matches = db.prepare(
      `${merged('rowid, *', `${IS_DATED_BEHIND} AND (timestamp, rowid) >= (@toTimestamp, @toRowid) AND ${fits}`)} ${inOrder} LIMIT @limit`,
    );
    const yieldTurn = createYielder(clock, BREATH_MS);
    const found: UploadsRecord[] = [];
    let from = begin;
    for (let looked = 0; found.length <= limit && looked < MOST_LOOKED; looked += PIECE) {
      const to = later(pieceEnd.get(from) as DatedPlace | undefined, end);
      const bounds = { ...from, toTimestamp: to.timestamp, toRowid: to.rowid };
      found.push(
        ...(matches.all({ ...bounds, ...values, limit: limit + 1 - found.length }) as UploadsRecord[]),
      );
      from = to;
      if (to === end) return recordingPage(found, limit);
      await yieldTurn();
    }
    const page = recordingPage(found, limit);
    return page.next === undefined ? { rows: found.map(recordingRow), next: cursorOf(from) } : page;
  };
}

function ofOneTar(
  db: Sqlite,
  statuses: readonly UploadStatus[],
  fits: string,
  values: Record<string, string | number>,
  { begin, end, limit }: { readonly begin: DatedPlace; readonly end: DatedPlace; readonly limit: number },
): ReturnType<Browsing['browse']> {
  const oneOf = statuses.map((status) => `'${status}'`).join(', ');
  // the plus keeps SQLite on the index by tar
  const rows = db
    .prepare(
      `SELECT rowid, * FROM uploads WHERE +status IN (${oneOf}) AND ${fits} AND ${IS_DATED_BEHIND}
         AND (timestamp, rowid) >= (@toTimestamp, @toRowid) ORDER BY timestamp DESC, rowid DESC LIMIT @limit`,
    )
    .all({ ...values, ...begin, toTimestamp: end.timestamp, toRowid: end.rowid, limit: limit + 1 });
  return Promise.resolve(recordingPage(rows as UploadsRecord[], limit));
}

function beginOf(to: string | undefined, after: RecordingPlace | undefined): DatedPlace {
  if (after !== undefined) return { timestamp: after.timestamp ?? '', rowid: after.rowid };
  return to === undefined ? { timestamp: LAST, rowid: BEFORE_ALL } : { timestamp: to, rowid: 0 };
}

/** The end, unless the place is before it. */
function later(place: DatedPlace | undefined, end: DatedPlace): DatedPlace {
  return place === undefined || place.timestamp < end.timestamp ? end : place;
}

function isBehind(path: string): string {
  return `(timestamp, ${path}) < (@timestamp, @path) AND timestamp >= @from AND (@part IS NULL OR instr(${path}, @part) > 0)`;
}

function tarBrowser(db: Sqlite): Browsing['browseTars'] {
  const extracted = `SELECT path, 'extracted' AS state, timestamp, size, mtime_ms AS mtimeMs, recordings, skipped, refused,
      receipt_for IS sha256 AND sha256 IS NOT NULL AS hasReceipt, NULL AS cause, NULL AS errorMessage, NULL AS retryCount
    FROM extracted_tars WHERE ${isBehind('path')}`;
  const failed = `SELECT wav_path AS path, 'failed' AS state, timestamp, size, tar_mtime_ms AS mtimeMs, NULL AS recordings,
      NULL AS skipped, NULL AS refused, 0 AS hasReceipt, cause, error_message AS errorMessage, retry_count AS retryCount
    FROM uploads WHERE wav_path = tar AND ${isBehind('wav_path')}`;
  const inOrder = 'ORDER BY timestamp DESC, path DESC LIMIT @limit';
  const statements = {
    extracted: db.prepare(`${extracted} ${inOrder}`),
    failed: db.prepare(`${failed} ${inOrder}`),
    all: db.prepare(`${extracted} UNION ALL ${failed} ${inOrder}`),
  };
  return ({ state, part, from, to, limit, after }) => {
    const records = statements[state].all({
      ...tarPlaceOf({ after, to }),
      from: from ?? '',
      part: part ?? null,
      limit: limit + 1,
    }) as TarRecord[];
    return Promise.resolve(tarPage(records.map(tarLine), limit));
  };
}

type TarRecord = {
  [K in keyof Omit<TarLine, 'hasReceipt'>]: undefined extends TarLine[K]
    ? NonNullable<TarLine[K]> | null
    : TarLine[K];
} & { readonly hasReceipt: number };

function tarLine({ hasReceipt, ...record }: TarRecord): TarLine {
  return {
    path: record.path,
    state: record.state,
    timestamp: record.timestamp,
    size: record.size ?? undefined,
    mtimeMs: record.mtimeMs ?? undefined,
    recordings: record.recordings ?? undefined,
    skipped: record.skipped ?? undefined,
    refused: record.refused ?? undefined,
    hasReceipt: hasReceipt !== 0,
    cause: record.cause ?? undefined,
    errorMessage: record.errorMessage ?? undefined,
    retryCount: record.retryCount ?? undefined,
  };
}
