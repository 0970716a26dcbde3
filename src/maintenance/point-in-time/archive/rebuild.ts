import { Buffer } from 'node:buffer';
import { open, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { FILE_MODE, markVerified } from './archive.ts';
import { bad, readRecords, type StoredRecord } from './records.ts';
import { unpackFullBackup, removeCopy } from './full-backup.ts';
import type { Chain } from './chain.ts';
import type { RecordHeader } from './format.ts';
import { fullBackupFile, segmentFile, type SegmentName } from './names.ts';
import { digestOf, endCommit, hashPage, noPages, setPage, type PageHashes } from './page-hashes.ts';
import { temporaryPath, type Clock } from '../../../platform/runtime/index.ts';
import { messageOf, WavspoolError } from '../../../domain/faults.ts';

const READ_BYTES = 1024 * 1024;
const WRITES_AT_ONCE = 1024;

/** A state that was rebuilt in a file. */
export interface Rebuilt {
  readonly position: number;
  readonly at: number;
  readonly link: string;
  readonly pageSize: number;
  readonly pageCount: number;
  readonly digest: string;
  readonly wal: RecordHeader['wal'];
  readonly hashes: PageHashes;
}

/** The point up to which a chain is followed: the last record of `segment` that was captured at or before `at`. */
export interface Upto {
  readonly segment: SegmentName | undefined;
  readonly at: number;
}

/** The end of what can be reached of a chain. */
export function endOf(chain: Chain): Upto {
  const segment = chain.segments.findLast(({ last }) => last <= chain.end.position);
  return { segment, at: Number.POSITIVE_INFINITY };
}

/**
 * Rebuilds one state of a chain in a new file `target`: the full backup, then the records in order, each checked by its SHA-256,
 * its place in the timeline and, at the end, the digest of the whole state. Throws SNAPSHOT_BAD, naming the file that is at
 * fault.
 */
export async function rebuild(
  directory: string,
  chain: Chain,
  upto: Upto,
  target: string,
  signal: AbortSignal,
): Promise<Rebuilt> {
  const { fullBackup } = chain;
  const image = join(directory, fullBackupFile(fullBackup, 'db.zst'));
  await unpackFullBackup(image, fullBackup, target, signal);
  let state: Omit<Rebuilt, 'hashes'> = { ...fullBackup, wal: fullBackup.wal };
  let culprit = image;
  const file = await open(target, 'r+', FILE_MODE);
  try {
    for (const segment of chain.segments) {
      if (upto.segment === undefined || segment.first > upto.segment.first) break;
      culprit = join(directory, segmentFile(segment));
      for await (const record of readRecords(directory, segment)) {
        signal.throwIfAborted();
        if (segment === upto.segment && record.header.at > upto.at) break;
        if (record.header.position <= state.position) continue;
        state = await apply(file, record, state, culprit);
      }
    }
    await file.sync();
    const hashes = await hashFile(file, state.pageSize, state.pageCount, signal);
    if (digestOf(hashes) !== state.digest) {
      throw bad(culprit, `leads to a state with the digest ${digestOf(hashes)} instead of ${state.digest}`);
    }
    return { ...state, hashes };
  } finally {
    await file.close();
  }
}

async function apply(
  file: FileHandle,
  { header, link, content }: StoredRecord,
  before: Omit<Rebuilt, 'hashes'>,
  path: string,
): Promise<Omit<Rebuilt, 'hashes'>> {
  if (header.position !== before.position + 1 || header.previous !== before.link) {
    throw bad(path, `does not follow the record ${before.position} that lies before it`);
  }
  if (header.pageSize !== before.pageSize) throw bad(path, 'has another page size than its base');
  const pages = await content();
  const size = 4 + header.pageSize;
  let pending = new Map<number, Buffer>();
  let taken = 0;
  const take = (end: number): void => {
    for (; taken < end; taken += 1) {
      const numbered = pages.subarray(taken * size, (taken + 1) * size);
      pending.set(numbered.readUInt32BE(0), numbered.subarray(4));
    }
  };
  let { pageCount, digest } = before;
  for (const [index, [end, pagesAfter, digestAfter]] of header.commits.entries()) {
    take(end);
    const gone = [...pending.keys()].filter((page) => page > pagesAfter);
    if (index === 0 || pagesAfter < pageCount || gone.length > 0) {
      for (const page of gone) pending.delete(page);
      await file.truncate(pagesAfter * header.pageSize); // what grows again behind it begins as zeros
    }
    pageCount = pagesAfter;
    digest = digestAfter;
  }
  take(header.pages);
  if (header.commits.length > 0) await file.truncate(pageCount * header.pageSize);
  await writePages(file, pending, header.pageSize);
  const { position, at, pageSize, wal } = header;
  return { position, at, link, pageSize, pageCount, digest, wal };
}

/** Writes pages in order, neighbours together. */
async function writePages(
  file: FileHandle,
  pages: ReadonlyMap<number, Buffer>,
  pageSize: number,
): Promise<void> {
  const sorted = [...pages.keys()].toSorted((a, b) => a - b);
  for (let start = 0; start < sorted.length;) {
    let end = start + 1;
    while (sorted[end] === (sorted[end - 1] ?? 0) + 1 && end - start < WRITES_AT_ONCE) end += 1;
    const run = sorted.slice(start, end).map((page) => pages.get(page) as Buffer);
    const first = ((sorted[start] ?? 1) - 1) * pageSize;
    const { bytesWritten } = await file.writev(run, first);
    const length = run.length * pageSize;
    if (bytesWritten < length) {
      await file.write(Buffer.concat(run), bytesWritten, length - bytesWritten, first + bytesWritten);
    }
    start = end;
  }
}

/** The hashes of all pages of a database file that does not change. */
async function hashFile(
  file: FileHandle,
  pageSize: number,
  pageCount: number,
  signal: AbortSignal,
): Promise<PageHashes> {
  const hashes = noPages();
  const lot = Math.min(WRITES_AT_ONCE, Math.max(1, Math.floor(READ_BYTES / pageSize)));
  const buffers = Array.from({ length: lot }, () => Buffer.alloc(4 + pageSize));
  for (let first = 1; first <= pageCount; first += lot) {
    signal.throwIfAborted();
    const pages = buffers.slice(0, Math.min(lot, pageCount - first + 1));
    await file.readv(
      pages.map((buffer) => buffer.subarray(4)),
      (first - 1) * pageSize,
    );
    for (const [index, buffer] of pages.entries()) {
      buffer.writeUInt32BE(first + index, 0);
      setPage(hashes, first + index, hashPage(buffer));
    }
  }
  endCommit(hashes, hashes.pageCount, pageCount, pageSize);
  return hashes;
}

/** Opens a copy, makes it stand alone and says what `integrity_check` finds; may run it in another process. */
export type Finish = (path: string, signal: AbortSignal) => Promise<readonly string[]>;

/**
 * Restores a chain to its end in a temporary file, checks that, notes that it was verified, and returns what is wrong: no
 * fault means that every file of the chain is sound. Throws only what says nothing about the chain: DISK_FULL, an abort.
 */
export async function verifyChain(
  directory: string,
  chain: Chain,
  deps: { readonly clock: Clock; readonly finish: Finish },
  signal: AbortSignal,
): Promise<readonly string[]> {
  const faults = chain.missing.map(
    ({ first, last }) => `the records ${first} to ${last} are missing in ${directory}`,
  );
  const copy = temporaryPath(directory);
  try {
    const { position, at } = await rebuild(directory, chain, endOf(chain), copy, signal);
    faults.push(...(await deps.finish(copy, signal)).map((line) => `integrity_check: ${line}`));
    if (faults.length > 0) return [...faults, ...(await damagedFiles(directory, chain, signal))];
    await markVerified(directory, chain.fullBackup, {
      position: chain.fullBackup.position,
      through: { position, at },
      at: deps.clock.now(),
    });
    return [];
  } catch (error) {
    signal.throwIfAborted();
    if (!(error instanceof WavspoolError) || error.code === 'DISK_FULL') throw error;
    return [...new Set([...faults, messageOf(error), ...(await damagedFiles(directory, chain, signal))])];
  } finally {
    await removeCopy(copy);
  }
}

/** What is wrong with any of a chain's records: restoring stops at the first fault, and none of the others may hide behind it. */
async function damagedFiles(
  directory: string,
  { segments }: Chain,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const faults: string[] = [];
  for (const segment of segments) {
    signal.throwIfAborted();
    try {
      for await (const record of readRecords(directory, segment)) await record.content();
    } catch (error) {
      faults.push(messageOf(error));
    }
  }
  return faults;
}
