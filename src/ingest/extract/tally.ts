import { dirname } from 'node:path';
import type { Settings } from '../../platform/config/index.ts';
import { WavspoolError } from '../../domain/faults.ts';
import type { TarEnd } from '../../platform/tar/index.ts';
import { shownName } from './member.ts';
import type { Scratch } from './scratch.ts';

/** So many names of members that were left out stand in the log line. */
const NAMES_IN_LOG = 20;
/** Members that were refused have a row each, up to so many and so many bytes of names; one row tells of all others. */
const MAX_REFUSED_ROWS = 1000;
const MAX_REFUSED_BYTES = 1024 * 1024;
/** Names cost room in state.db: so many bytes for each member that a tar may have. */
const NAME_BYTES_PER_ENTRY = 64;

/** So many directories of a tar are kept in mind. */
const MAX_DIRECTORIES = 10_000;

/** What one tar has had so far; its limits are looked at before they cost anything. */
export interface Tally {
  entries: number;
  /** Recordings that were staged. */
  staged: number;
  bytes: number;
  /** The part of `staged` and `bytes` that stays in the tar and takes no room. */
  readonly inTar: { recordings: number; bytes: number };
  /** Files and directories that its recordings need; a directory that is come back to counts again. */
  inodes: number;
  nameBytes: number;
  readonly skipped: string[];
  /** In the order of `skipped`. */
  readonly skippedReasons: string[];
  readonly refused: string[];
  skippedCount: number;
  refusedCount: number;
  refusedBytes: number;
  /** Refused members without a row of their own. */
  untold: number;
  lastDirectory: string;
  /** Directories that were counted; of very many only the first. */
  readonly directories: Set<string>;
  /** Known once the tar was read. */
  end: TarEnd | undefined;
}

export function emptyTally(): Tally {
  return {
    entries: 0,
    staged: 0,
    bytes: 0,
    inTar: { recordings: 0, bytes: 0 },
    inodes: 0,
    nameBytes: 0,
    skipped: [],
    skippedReasons: [],
    refused: [],
    skippedCount: 0,
    refusedCount: 0,
    refusedBytes: 0,
    untold: 0,
    lastDirectory: '.',
    directories: new Set(),
    end: undefined,
  };
}

/** Counts a member. Throws TAR_TOO_LARGE. */
export function countEntry(tally: Tally, tar: string, { maxEntries }: Settings['extract']): void {
  tally.entries += 1;
  if (tally.entries > maxEntries) throw tooLarge(tar, 'extract.maxEntries', maxEntries);
}

/** Counts what a recording's path costs. Throws TAR_TOO_LARGE. */
export function countPath(
  tally: Tally,
  tar: string,
  path: string,
  { maxEntries }: Settings['extract'],
): void {
  tally.nameBytes += Buffer.byteLength(path);
  const most = maxEntries * NAME_BYTES_PER_ENTRY;
  if (tally.nameBytes > most)
    throw new WavspoolError(
      'TAR_TOO_LARGE',
      `${tar}: the names in it take more than ${most} bytes, ${NAME_BYTES_PER_ENTRY} for each of extract.maxEntries`,
    );
  const directory = dirname(path);
  tally.inodes += 1;
  if (directory === tally.lastDirectory || tally.directories.has(directory)) return;
  tally.inodes += newSegments(tally.lastDirectory, directory);
  tally.lastDirectory = directory;
  if (tally.directories.size < MAX_DIRECTORIES) tally.directories.add(directory);
}

function newSegments(before: string, directory: string): number {
  const [known, parts] = [before.split('/'), directory.split('/')];
  const same = parts.findIndex((part, at) => part !== known[at]);
  return same === -1 ? 0 : parts.length - same;
}

/** Counts bytes that are about to be written. Throws TAR_TOO_LARGE. */
export function countBytes(
  tally: Tally,
  tar: string,
  bytes: number,
  { maxTotalBytes }: Settings['extract'],
): void {
  tally.bytes += bytes;
  if (tally.bytes > maxTotalBytes) throw tooLarge(tar, 'extract.maxTotalBytes', maxTotalBytes);
}

/** Throws TAR_TOO_LARGE for a member that is larger than one may be, or with which the tar is, before a byte of it is written. */
export function requireSize(
  { bytes }: Tally,
  tar: string,
  size: number,
  { maxEntryBytes, maxTotalBytes }: Settings['extract'],
): void {
  if (size > maxEntryBytes) throw tooLarge(tar, 'extract.maxEntryBytes', maxEntryBytes);
  if (bytes + size > maxTotalBytes) throw tooLarge(tar, 'extract.maxTotalBytes', maxTotalBytes);
}

/** Notes a member that was skipped. */
export function skip(tally: Tally, name: string, reason: string): void {
  tally.skippedCount += 1;
  note(tally.skipped, shownName(name));
  note(tally.skippedReasons, reason);
}

/** Notes a member that was refused, in a row of its own while there are few. */
export function refuse(tally: Tally, scratch: Scratch, tar: string, member: string, reason: string): void {
  const name = shownName(member);
  tally.refusedCount += 1;
  tally.refusedBytes += Buffer.byteLength(name);
  note(tally.refused, `${name} (${reason})`);
  if (tally.refusedCount > MAX_REFUSED_ROWS || tally.refusedBytes > MAX_REFUSED_BYTES) {
    tally.untold += 1;
    return;
  }
  scratch.refuse({
    path: `${tar}#${name}`,
    member: name,
    reason: `${name} in ${tar} was refused: ${reason}`,
  });
}

/** One row for all members that have been refused without one; to be called once the tar was read. */
export function refuseTheRest(tally: Tally, scratch: Scratch, tar: string): void {
  if (tally.untold === 0) return;
  scratch.refuse({
    path: `${tar}#(more)`,
    member: '(more)',
    reason: `${tally.untold} more members of ${tar} were refused, for reasons like those of the ${tally.refusedCount - tally.untold} that have rows`,
  });
}

/** What is odd about how the tar was written, in words for the log. */
export function oddities({ end }: Tally): readonly string[] {
  if (end === undefined) return [];
  const { ending, leftovers, strayZeroBlocks } = end;
  return [
    ...(ending === 'marker' ? [] : [`it ends with ${ending === 'unterminated' ? 'no end marker' : ending}`]),
    ...(leftovers > 0 ? [`${leftovers} bytes of leftovers stand behind its end marker`] : []),
    ...(strayZeroBlocks > 0 ? [`${strayZeroBlocks} stray zero blocks stand between its members`] : []),
  ];
}

function note(names: string[], name: string): void {
  if (names.length < NAMES_IN_LOG) names.push(name);
}

function tooLarge(tar: string, setting: string, limit: number): WavspoolError {
  return new WavspoolError('TAR_TOO_LARGE', `${tar} exceeds ${setting} (${limit})`);
}
