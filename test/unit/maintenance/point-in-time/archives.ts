import type { FullBackup } from '../../../../src/maintenance/point-in-time/archive/chain.ts';
import type { SegmentName } from '../../../../src/maintenance/point-in-time/archive/names.ts';

export const MINUTE_MS = 60_000;

/** A full backup at minute `at`. */
export function fullBackup(position: number, at: number, rest: Partial<FullBackup> = {}): FullBackup {
  return {
    format: 1,
    database: 'x',
    position,
    at: at * MINUTE_MS,
    reason: 'test',
    link: 'a'.repeat(64),
    continues: true,
    pageSize: 4096,
    pageCount: 1,
    digest: '0'.repeat(16),
    journalMode: 'wal',
    sha256: 'b'.repeat(64),
    storedBytes: 1,
    storedSha256: 'c'.repeat(64),
    verified: undefined,
    ...rest,
  };
}

/** A full backup that was verified through a point at minute `throughAt`. */
export function verifiedFullBackup(
  position: number,
  at: number,
  through: { position: number; at: number },
  rest: Partial<FullBackup> = {},
): FullBackup {
  const point = { position: through.position, at: through.at * MINUTE_MS };
  return fullBackup(position, at, { verified: { position, through: point, at: 0 }, ...rest });
}

/** A segment of one point per record, from minute `from` to minute `to`. */
export function segment(first: number, last: number, from: number, to = from): SegmentName {
  return { first, last, from: from * MINUTE_MS, to: to * MINUTE_MS, points: last - first + 1 };
}
