import { isoTime, parseTime } from '../../../platform/runtime/index.ts';

// The names of an archive's files say all that is needed to choose among them.

/** A whole image of the database, and the position in the archive's records whose state it is. */
export interface FullBackupName {
  readonly position: number;
  /** ms since 1970 at which that state was captured. */
  readonly at: number;
}

/** A file of records: the positions that it holds, the time of the first and of the last, how many points it offers. */
export interface SegmentName {
  readonly first: number;
  readonly last: number;
  readonly from: number;
  readonly to: number;
  readonly points: number;
}

const FULL_BACKUP = /^base-(\d{12})-(\d{8}T\d{9}Z)\.(json|db\.zst|verified\.json)$/;
const SEGMENT = /^records-(\d{12})-(\d{12})-(\d{8}T\d{9}Z)-(\d{8}T\d{9}Z)-(\d{1,9})\.pit$/;

export type FullBackupFile = 'json' | 'db.zst' | 'verified.json';

export const LOCK_FILE = 'lock';
/** Locked while a restore asks for the database. */
export const HOLD_OFF_FILE = 'restoring';
export const PAGES_FILE = 'pages.index';
/** What tells this archive's files in a bucket from those of others. */
export const ARCHIVE_ID_FILE = 'archive.id';
/** How far the archive is offsite. */
export const OFFSITE_FILE = 'offsite.json';
export const CHECKED_FILE = 'checked.json';

/** The name of one of a base's files: its description, its image, the mark of its verification. */
export function fullBackupFile({ position, at }: FullBackupName, kind: FullBackupFile): string {
  return `base-${digits(position)}-${compactTime(at)}.${kind}`;
}

export function segmentFile({ first, last, from, to, points }: SegmentName): string {
  return `records-${digits(first)}-${digits(last)}-${compactTime(from)}-${compactTime(to)}-${points}.pit`;
}

export type ParsedName =
  | ({ readonly kind: 'full backup'; readonly file: FullBackupFile } & FullBackupName)
  | ({ readonly kind: 'segment' } & SegmentName);

/** What a file name means; undefined when it is none of an archive's. */
export function parseName(name: string): ParsedName | undefined {
  const fullBackup = FULL_BACKUP.exec(name);
  if (fullBackup !== null) {
    const at = parseCompactTime(fullBackup[2] ?? '');
    if (Number.isNaN(at)) return undefined;
    return {
      kind: 'full backup',
      position: Number(fullBackup[1]),
      at,
      file: fullBackup[3] as FullBackupFile,
    };
  }
  const segment = SEGMENT.exec(name);
  if (segment === null) return undefined;
  const [first, last, points] = [Number(segment[1]), Number(segment[2]), Number(segment[5])];
  const [from, to] = [parseCompactTime(segment[3] ?? ''), parseCompactTime(segment[4] ?? '')];
  if (Number.isNaN(from) || Number.isNaN(to) || last < first) return undefined;
  return { kind: 'segment', first, last, from, to, points };
}

function digits(position: number): string {
  return String(position).padStart(12, '0');
}

function compactTime(ms: number): string {
  return isoTime(ms).replaceAll(/[-:.]/g, '');
}

function parseCompactTime(text: string): number {
  const [, year, month, day, hour, minute, second, ms] =
    /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)(\d{3})Z$/.exec(text) ?? [];
  return parseTime(`${year}-${month}-${day}T${hour}:${minute}:${second}.${ms}Z`);
}
