import { createBreather, type Clock } from '../runtime/index.ts';
import type { Sqlite } from '../sqlite/index.ts';
import { recordingRow, type UploadsRecord } from './rows.ts';
import { IS_RECORDING } from './recordings.ts';
import type { StateStore, UploadStatus } from './state-store.ts';

/** Rows that are looked at in one piece: about 6 ms. */
const PIECE = 10_000;
const BREATH_MS = 10;

/** A row's place in the order that search follows, which is that of the index by status and timestamp. */
interface Place {
  readonly timestamp: string;
  readonly rowid: number;
}
const NEWEST: Place = { timestamp: '\u{10FFFF}', rowid: Number.MAX_SAFE_INTEGER };
const OLDEST: Place = { timestamp: '', rowid: 0 };

/**
 * Recordings by a part of their name. No index knows those (one would be half as large as state.db, and written for each
 * recording), so the rows are read from the newest change on until enough are found, in pieces between which others go on.
 */
export function searchMethod(db: Sqlite, clock: Clock): Pick<StateStore, 'search'> {
  const by = {
    PENDING: statements(db, ['PENDING']),
    SUCCESS: statements(db, ['SUCCESS']),
    FAILED: statements(db, ['FAILED']),
    any: statements(db, ['PENDING', 'SUCCESS', 'FAILED']),
  };
  return {
    search: async ({ part, status, limit, offset }) => {
      const { pieceEnd, matches, undated } = by[status ?? 'any'];
      const breathe = createBreather(clock, BREATH_MS);
      const wanted = offset + limit;
      const found: UploadsRecord[] = [];
      for (let from = NEWEST; from !== OLDEST && found.length < wanted;) {
        const to = (pieceEnd.get(from) as Place | undefined) ?? OLDEST;
        found.push(
          ...(matches.all({ ...bounds(from, to), part, limit: wanted - found.length }) as UploadsRecord[]),
        );
        from = to;
        await breathe();
      }
      found.push(...(undated.all({ part, limit: wanted - found.length }) as UploadsRecord[]));
      return found.slice(offset).map(recordingRow);
    },
  };
}

function bounds(from: Place, to: Place): Readonly<Record<string, string | number>> {
  return { ...from, toTimestamp: to.timestamp, toRowid: to.rowid };
}

function statements(db: Sqlite, statuses: readonly UploadStatus[]) {
  // a statement for each status, merged: each follows the index
  const merged = (columns: string, condition: string): string =>
    statuses
      .map((status) => `SELECT ${columns} FROM uploads WHERE status = '${status}' AND ${condition}`)
      .join(' UNION ALL ');
  const inOrder = 'ORDER BY timestamp DESC, rowid DESC';
  const isBefore = '(timestamp, rowid) < (@timestamp, @rowid)';
  const isFound = `${IS_RECORDING} AND (instr(wav_path, @part) > 0 OR instr(coalesce(tar, ''), @part) > 0)`;
  return {
    pieceEnd: db.prepare(`${merged('timestamp, rowid', isBefore)} ${inOrder} LIMIT 1 OFFSET ${PIECE - 1}`),
    matches: db.prepare(
      `${merged('rowid, *', `${isBefore} AND (timestamp, rowid) >= (@toTimestamp, @toRowid) AND ${isFound}`)} ${inOrder} LIMIT @limit`,
    ),
    undated: db.prepare(
      `${merged('rowid, *', `timestamp IS NULL AND ${isFound}`)} ORDER BY rowid DESC LIMIT @limit`,
    ),
  };
}
