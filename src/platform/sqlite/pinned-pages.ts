import { Buffer } from 'node:buffer';
import { closeSync, existsSync, fstatSync, openSync, readv, statSync } from 'node:fs';
import { endianness } from 'node:os';
import { promisify } from 'node:util';
import { WavspoolError } from '../../domain/faults.ts';
import { readExactlyNow } from '../runtime/index.ts';
import { asDatabaseFault, openForeign, pin } from './foreign.ts';
import type { Sqlite } from './open.ts';
import {
  FRAME_HEADER_BYTES,
  walFrames,
  walIndex,
  walOffset,
  walStart,
  WAL_HEADER_BYTES,
  WAL_INDEX_BYTES,
  type WalIndex,
  type WalPosition,
} from './wal.ts';

// Reading the pages of a live database from its files, while a read transaction of SQLite keeps them as they are. Only for
// a process of its own: closing any descriptor of a database file drops all the locks that SQLite holds on that file in the
// same process, so the descriptors that are opened here are never closed (https://www.sqlite.org/howtocorrupt.html, 2.2).

const readvAsync = promisify(readv);
const LITTLE_ENDIAN = endianness() === 'LE';
const PAGES_PER_READ_BYTES = 1024 * 1024;
const WAL_READ_BYTES = 4 * 1024 * 1024;
/** A commit between the two looks at the index is rare even at thousands of them a second. */
const PIN_ATTEMPTS = 1000;

/** One state of a live database, kept readable until {@link PinnedPages.release}. */
export interface PinnedPages {
  readonly pageSize: number;
  readonly pageCount: number;
  readonly journalMode: string;
  /** Identifies the state among the log's; undefined when there is no log. */
  readonly version: string | undefined;
  /**
   * Every page in order, in lots: each buffer is the page's number (4 bytes, big-endian) and its content. A lot is
   * overwritten by the next one.
   */
  readonly pages: (signal: AbortSignal) => AsyncGenerator<readonly Buffer[]>;
  readonly release: () => void;
}

const OF_A_DATABASE = ['', '-wal', '-shm'];
const opened = new Map<string, number>();

/** A descriptor of `path` that stays open as long as the process lives; another file under that name gets another one. */
export function lastingDescriptor(path: string): number {
  const { dev, ino } = statSync(path, { bigint: true });
  const key = `${path} ${dev}:${ino}`;
  const known = opened.get(key);
  if (known !== undefined) return known;
  const fd = openSync(path, 'r');
  const own = fstatSync(fd, { bigint: true });
  opened.set(`${path} ${own.dev}:${own.ino}`, fd);
  return fd;
}

/**
 * Closes the descriptors of the database at `path` and of its log. Only when no connection of this process has it open: all its
 * locks would be gone. What is not closed keeps a file that was removed on the disk.
 */
export function closeDescriptors(path: string): void {
  for (const [key, fd] of opened) {
    if (!OF_A_DATABASE.some((part) => key.startsWith(`${path}${part} `))) continue;
    opened.delete(key);
    closeSync(fd);
  }
}

/** A log and its index by their descriptors, which can still be read when SQLite has removed both. */
export interface OpenLog {
  readonly log: number;
  readonly index: number;
}

/** The log that the database at `path` has now; undefined when it has none. */
export function openLog(path: string): OpenLog | undefined {
  if (!existsSync(`${path}-wal`) || !existsSync(`${path}-shm`)) return undefined;
  return { log: lastingDescriptor(`${path}-wal`), index: lastingDescriptor(`${path}-shm`) };
}

/** The log of the database at a path, whichever that is now, or one that was opened. */
export type LogSource = string | OpenLog;

function descriptorOf(source: LogSource, part: keyof OpenLog): number | undefined {
  if (typeof source !== 'string') return source[part];
  const path = `${source}${part === 'log' ? '-wal' : '-shm'}`;
  return existsSync(path) ? lastingDescriptor(path) : undefined;
}

/** What the index of a log says now; undefined while it is being changed, or when there is none. */
export function readWalIndex(source: LogSource): WalIndex | undefined {
  const index = descriptorOf(source, 'index');
  return index === undefined ? undefined : walIndex(readExactlyNow(index, 0, WAL_INDEX_BYTES), LITTLE_ENDIAN);
}

/** Where a log ends. */
export interface WalEnd {
  /** undefined when the log is empty. */
  readonly position: WalPosition | undefined;
  /** As in {@link WalIndex}; undefined when it is not known. */
  readonly commits: number | undefined;
}

/**
 * Where the last commit ends in the log. Exact only while the caller holds the write lock. Throws DATABASE_DAMAGED when the
 * log is not the one that the index speaks of.
 */
export function readWalEnd(path: string): WalEnd {
  const index = readWalIndex(path);
  if (index === undefined) throw new WavspoolError('DATABASE_BUSY', `${path}-shm is being changed`);
  const { commits } = index;
  if (index.frames === 0) return { position: undefined, commits };
  const start = readWalStart(path);
  if (start?.salt !== index.salt) {
    throw new WavspoolError('DATABASE_DAMAGED', `${path}-wal is not the log that ${path}-shm speaks of`);
  }
  return { position: { ...start, frame: index.frames, checksum: index.checksum }, commits };
}

/** The beginning of a log; undefined when it holds none. */
export function readWalStart(source: LogSource): WalPosition | undefined {
  const log = descriptorOf(source, 'log');
  return log === undefined ? undefined : walStart(readExactlyNow(log, 0, WAL_HEADER_BYTES));
}

/**
 * Up to 4 MiB of valid frames after `from`, at most `frames` of them, with the bytes that they lie in. Fewer than asked for
 * and less than 4 MiB means that the log does not go on there.
 */
export function readWalFrames(
  source: LogSource,
  from: WalPosition,
  frames: number,
): ReturnType<typeof walFrames> & { bytes: Buffer } {
  const size = FRAME_HEADER_BYTES + from.pageSize;
  const wanted = Math.min(frames, Math.max(1, Math.floor(WAL_READ_BYTES / size)));
  const log = descriptorOf(source, 'log');
  const bytes = log === undefined ? Buffer.alloc(0) : readExactlyNow(log, walOffset(from), wanted * size);
  return { ...walFrames(bytes, from), bytes };
}

/**
 * Pins the present state of the database at `path`. No write lock is taken: in WAL mode no program waits for it, in the other
 * modes commits wait until it is released. Throws DATABASE_MISSING, DATABASE_BUSY, DATABASE_DAMAGED or DATABASE_UNUSABLE.
 */
export function pinPages(path: string): PinnedPages {
  const db = openForeign(path);
  try {
    return asDatabaseFault(path, () => pinOpened(path, db));
  } catch (error) {
    db.close();
    throw error;
  }
}

function pinOpened(path: string, db: Sqlite): PinnedPages {
  const file = lastingDescriptor(path);
  const journalMode = String(db.pragma('journal_mode', { simple: true }));
  const index = journalMode === 'wal' ? pinInLog(path, db) : (pin(db), undefined);
  if (fstatSync(file, { bigint: true }).ino !== statSync(path, { bigint: true }).ino) {
    throw new WavspoolError('DATABASE_BUSY', `${path} was replaced while it was opened`);
  }
  const pageSize = Number(db.pragma('page_size', { simple: true }));
  const pageCount = Number(db.pragma('page_count', { simple: true })); // an empty log's index says 0
  // With everything checkpointed the file is complete, and stays so as long as this read transaction lasts; SQLite then
  // keeps the log from being checkpointed, not from starting over. Otherwise it keeps the log as it is.
  const logged = index !== undefined && index.checkpointed < index.frames ? index : undefined;
  return {
    pageSize,
    pageCount,
    journalMode,
    version: index?.version,
    pages: (signal) =>
      readPages(path, { pageSize, pageCount, file, logged, hasLog: index !== undefined }, signal),
    release: () => {
      db.exec('ROLLBACK');
      db.close();
    },
  };
}

/** Pins, and learns exactly which state was pinned: the index was the same before and after. */
function pinInLog(path: string, db: Sqlite): WalIndex {
  for (let attempt = 0; attempt < PIN_ATTEMPTS; attempt += 1) {
    const before = readWalIndex(path);
    pin(db);
    const after = readWalIndex(path);
    if (before !== undefined && after !== undefined && before.version === after.version) return after;
    db.exec('ROLLBACK');
  }
  throw new WavspoolError('DATABASE_BUSY', `${path} changes too quickly to find out which state was read`);
}

/** Where the newest committed content of each page of the log lies. */
function locateLogPages(path: string, index: WalIndex): Map<number, number> {
  const offsets = new Map<number, number>();
  let position = readWalStart(path);
  while (position?.salt === index.salt && position.frame < index.frames) {
    const { frames, end } = readWalFrames(path, position, index.frames - position.frame);
    if (frames.length === 0) break;
    for (const frame of frames) offsets.set(frame.page, walOffset(position) + frame.at);
    position = end;
  }
  if (
    position?.frame !== index.frames ||
    position.checksum[0] !== index.checksum[0] ||
    position.checksum[1] !== index.checksum[1]
  ) {
    throw new WavspoolError(
      'DATABASE_DAMAGED',
      `${path}-wal does not hold the commits that ${path}-shm names`,
    );
  }
  return offsets;
}

async function* readPages(
  path: string,
  from: {
    pageSize: number;
    pageCount: number;
    file: number;
    logged: WalIndex | undefined;
    hasLog: boolean;
  },
  signal: AbortSignal,
): AsyncGenerator<readonly Buffer[]> {
  const { pageSize, pageCount, file, logged, hasLog } = from;
  const log = logged === undefined ? new Map<number, number>() : locateLogPages(path, logged);
  const logFile = log.size === 0 ? file : lastingDescriptor(`${path}-wal`);
  const lot = Math.min(1024, Math.max(1, Math.floor(PAGES_PER_READ_BYTES / pageSize))); // readv takes 1024 at most
  const buffers = Array.from({ length: lot }, () => Buffer.alloc(4 + pageSize));
  const contents = buffers.map((buffer) => buffer.subarray(4));
  for (let first = 1; first <= pageCount; first += lot) {
    signal.throwIfAborted();
    const pages = Math.min(lot, pageCount - first + 1);
    const { bytesRead } = await readvAsync(file, contents.slice(0, pages), (first - 1) * pageSize);
    for (let at = 0; at < pages; at += 1) {
      const page = first + at;
      const content = contents[at] as Buffer;
      buffers[at]?.writeUInt32BE(page, 0);
      const offset = log.get(page);
      if (offset !== undefined) {
        readExactlyNow(logFile, offset, pageSize, content);
      } else if ((at + 1) * pageSize > bytesRead) {
        // a page that its own transaction freed again is in neither the log nor, before a checkpoint, the file
        if (hasLog) content.fill(0, Math.max(0, bytesRead - at * pageSize));
        else throw new WavspoolError('DATABASE_DAMAGED', `${path} is shorter than its ${pageCount} pages`);
      }
    }
    yield buffers.slice(0, pages);
  }
}
