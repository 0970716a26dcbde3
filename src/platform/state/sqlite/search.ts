import { createYielder, type YieldTurn, type Clock } from '../../runtime/index.ts';
import type { Sqlite } from '../../sqlite/index.ts';
import { placeBounds, placeOf, recordingPage, type DatedPlace, type RecordingPlace } from '../by-time.ts';
import type { UploadsRecord } from '../rows.ts';
import { IS_DATED_BEHIND, IS_UNDATED_BEHIND } from './behind.ts';
import { IS_RECORDING } from './recordings.ts';
import type { LedgerCatalogue } from '../../../domain/ledger.ts';
import type { UploadStatus } from '../../../domain/recording.ts';

/** Names, or rows by time, that are looked at in one piece: 1 ms and 6 ms. */
const PIECE = 10_000;
/** Tars that are looked at in one piece: 2 ms. */
const TARS_PIECE = 1000;
/** Rows with the part that are put in order in one piece: 6 ms. */
const SORTED_PIECE = 4000;
/** With more than that, the newest of them are found sooner by reading rows by time. */
const MOST = 100_000;
const BREATH_MS = 10;

interface Search {
  readonly part: string;
  /** How many of those that come behind `after`. */
  readonly wanted: number;
  readonly after: RecordingPlace | undefined;
  readonly yieldTurn: YieldTurn;
}

/** Follows every path. */
const LAST = '\u{10FFFF}';
const OLDEST: DatedPlace = { timestamp: '', rowid: 0 };

/**
 * Recordings by a part of their name. No index knows parts (one would be half as large as state.db, and written for each
 * recording); but the indexes by name and by tar hold every name without its row, a seventh of the work of reading rows. A
 * part that very many names have is looked for from the newest row on. All of it in pieces, between which others go on.
 */
export function searchMethod(db: Sqlite, clock: Clock): Pick<LedgerCatalogue, 'search'> {
  const named = namedWith(db);
  const by = {
    PENDING: searchOf(db, ['PENDING']),
    SUCCESS: searchOf(db, ['SUCCESS']),
    FAILED: searchOf(db, ['FAILED']),
    any: searchOf(db, ['PENDING', 'SUCCESS', 'FAILED']),
  };
  return {
    search: async ({ part, status, limit, after }) => {
      const { newestOf, newestFirst } = by[status ?? 'any'];
      const search = {
        part,
        wanted: limit + 1,
        after: placeOf(after),
        yieldTurn: createYielder(clock, BREATH_MS),
      };
      const rowids = await named(search);
      const found = rowids === undefined ? await newestFirst(search) : await newestOf(rowids, search);
      return recordingPage(found, limit);
    },
  };
}

/** Finds the rowids of all that have the part in their path or their tar's, by the names alone; undefined for over {@link MOST}. */
function namedWith(db: Sqlite): (search: Search) => Promise<readonly number[] | undefined> {
  const lastName = db
    .prepare(`SELECT wav_path FROM uploads WHERE wav_path > ? ORDER BY wav_path LIMIT 1 OFFSET ${PIECE - 1}`)
    .pluck();
  const names = db
    .prepare(
      'SELECT rowid FROM uploads WHERE wav_path > @after AND wav_path <= @to AND instr(wav_path, @part) > 0',
    )
    .pluck();
  // from one tar to the next, past the rows of each
  const tars = db
    .prepare(
      `WITH RECURSIVE tars (tar) AS (
         SELECT (SELECT min(tar) FROM uploads WHERE tar > ?)
         UNION ALL SELECT (SELECT min(tar) FROM uploads WHERE tar > tars.tar) FROM tars WHERE tar IS NOT NULL
         LIMIT ${TARS_PIECE})
       SELECT tar FROM tars WHERE tar IS NOT NULL`,
    )
    .pluck();
  const ofTar = db.prepare('SELECT rowid FROM uploads WHERE tar = ? LIMIT ?').pluck();

  return async ({ part, yieldTurn }) => {
    const rowids = new Set<number>();
    const add = (some: readonly unknown[]): boolean => {
      for (const rowid of some) rowids.add(rowid as number);
      return rowids.size <= MOST;
    };
    for (let after = ''; after !== LAST;) {
      const to = (lastName.get(after) as string | undefined) ?? LAST;
      if (!add(names.all({ after, to, part }))) return undefined;
      after = to;
      await yieldTurn();
    }
    for (let piece = tars.all('') as string[]; piece.length > 0; piece = tars.all(piece.at(-1)) as string[]) {
      for (const tar of piece) if (tar.includes(part) && !add(ofTar.all(tar, MOST + 1))) return undefined;
      await yieldTurn();
    }
    return [...rowids];
  };
}

function searchOf(db: Sqlite, statuses: readonly UploadStatus[]) {
  const oneOf = statuses.map((status) => `'${status}'`).join(', ');
  // a statement for each status, merged: each follows the index
  const merged = (columns: string, condition: string): string =>
    statuses
      .map((status) => `SELECT ${columns} FROM uploads WHERE status = '${status}' AND ${condition}`)
      .join(' UNION ALL ');
  const inOrder = 'ORDER BY timestamp DESC, rowid DESC';
  const isFound = `${IS_RECORDING} AND (instr(wav_path, @part) > 0 OR instr(coalesce(tar, ''), @part) > 0)`;
  // the plus keeps SQLite from reading every row of a status to find a few rowids
  const newest = db.prepare(
    `SELECT rowid, * FROM uploads WHERE rowid IN (SELECT value FROM json_each(@rowids))
       AND +status IN (${oneOf}) AND ${IS_RECORDING} AND (${IS_DATED_BEHIND} OR ${IS_UNDATED_BEHIND})
       ${inOrder} LIMIT @wanted`,
  );
  const pieceEnd = db.prepare(
    `${merged('timestamp, rowid', IS_DATED_BEHIND)} ${inOrder} LIMIT 1 OFFSET ${PIECE - 1}`,
  );
  const matches = db.prepare(
    `${merged('rowid, *', `${IS_DATED_BEHIND} AND (timestamp, rowid) >= (@toTimestamp, @toRowid) AND ${isFound}`)} ${inOrder} LIMIT @limit`,
  );
  const undated = db.prepare(
    `${merged('rowid, *', `${IS_UNDATED_BEHIND} AND ${isFound}`)} ORDER BY rowid DESC LIMIT @limit`,
  );

  return {
    newestOf: async (
      rowids: readonly number[],
      { wanted, after, yieldTurn }: Search,
    ): Promise<UploadsRecord[]> => {
      let found: UploadsRecord[] = [];
      for (let at = 0; at < rowids.length; at += SORTED_PIECE) {
        const piece = JSON.stringify(rowids.slice(at, at + SORTED_PIECE));
        const ofPiece = newest.all({ ...placeBounds(after), rowids: piece, wanted }) as UploadsRecord[];
        found = [...found, ...ofPiece].toSorted(byNewest).slice(0, wanted);
        await yieldTurn();
      }
      return found;
    },
    newestFirst: async ({ part, wanted, after, yieldTurn }: Search): Promise<UploadsRecord[]> => {
      const found: UploadsRecord[] = [];
      const { undatedRowid, ...begin } = placeBounds(after);
      for (let from: DatedPlace = begin; from !== OLDEST && found.length < wanted;) {
        const to = (pieceEnd.get(from) as DatedPlace | undefined) ?? OLDEST;
        const bounds = { ...from, toTimestamp: to.timestamp, toRowid: to.rowid };
        found.push(...(matches.all({ ...bounds, part, limit: wanted - found.length }) as UploadsRecord[]));
        from = to;
        await yieldTurn();
      }
      found.push(...(undated.all({ undatedRowid, part, limit: wanted - found.length }) as UploadsRecord[]));
      return found;
    },
  };
}

/** As SQLite's `ORDER BY timestamp DESC, rowid DESC`. */
function byNewest(one: UploadsRecord, other: UploadsRecord): number {
  if (one.timestamp === other.timestamp) return other.rowid - one.rowid;
  return (other.timestamp ?? '') < (one.timestamp ?? '') ? -1 : 1;
}
