import type { Buffer } from 'node:buffer';

// SQLite's write-ahead log and its index as bytes; the formats are those of https://www.sqlite.org/walformat.html. Nothing
// here opens a file.

export const WAL_HEADER_BYTES = 32;
export const FRAME_HEADER_BYTES = 24;
/** The part of the `-shm` file that says where the log ends: two copies of its header, then how far it was checkpointed. */
export const WAL_INDEX_BYTES = 100;

const MAGIC_LITTLE = 0x377f0682;
const MAGIC_BIG = 0x377f0683;
const INDEX_HEADER_BYTES = 48;
const INDEX_VERSION = 3_007_000;

/** A place in a write-ahead log: behind `frame` frames, with the running checksum up to there. */
export interface WalPosition {
  readonly pageSize: number;
  /** The log's checkpoint sequence number. Every connection counts for itself: no proof of anything between processes. */
  readonly sequence: number;
  /** Both salts as 16 hex digits: every start of the log has others. */
  readonly salt: string;
  readonly bigEndian: boolean;
  readonly frame: number;
  readonly checksum: readonly [number, number];
}

export interface WalFrame {
  readonly page: number;
  /** Pages of the database after this commit; 0 when the transaction goes on in the next frame. */
  readonly pageCount: number;
  /** Where the page's content begins in the bytes that were read. */
  readonly at: number;
}

/** What the `-shm` file says of the log; `frames` are committed, `checkpointed` of them are in the database file too. */
export interface WalIndex {
  /** Changes with every commit and every start of the log. */
  readonly version: string;
  /** Commits since the index was made, modulo 2^32; begins again at 0 when SQLite makes it anew after a crash. */
  readonly commits: number;
  readonly pageSize: number;
  readonly pageCount: number;
  readonly frames: number;
  readonly salt: string;
  readonly checksum: readonly [number, number];
  readonly checkpointed: number;
}

/** The beginning of the log that this header begins; undefined when the header is incomplete or damaged. */
export function walStart(header: Buffer): WalPosition | undefined {
  if (header.length < WAL_HEADER_BYTES) return undefined;
  const magic = header.readUInt32BE(0);
  if (magic !== MAGIC_LITTLE && magic !== MAGIC_BIG) return undefined;
  const bigEndian = magic === MAGIC_BIG;
  const checksum = walChecksum(header, 0, 24, [0, 0], bigEndian);
  if (checksum[0] !== header.readUInt32BE(24) || checksum[1] !== header.readUInt32BE(28)) return undefined;
  return {
    pageSize: header.readUInt32BE(8),
    sequence: header.readUInt32BE(12),
    salt: header.toString('hex', 16, 24),
    bigEndian,
    frame: 0,
    checksum,
  };
}

/** Where in the `-wal` file the frame after `position` begins. */
export function walOffset(position: WalPosition): number {
  return WAL_HEADER_BYTES + position.frame * (FRAME_HEADER_BYTES + position.pageSize);
}

/**
 * The valid frames at the beginning of `bytes`, which were read at {@link walOffset} of `from`, and the position after them.
 * It stops at the first frame that belongs to an earlier start of the log, is torn or is damaged.
 */
export function walFrames(bytes: Buffer, from: WalPosition): { frames: WalFrame[]; end: WalPosition } {
  const frames: WalFrame[] = [];
  const size = FRAME_HEADER_BYTES + from.pageSize;
  let checksum = from.checksum;
  for (let at = 0; at + size <= bytes.length; at += size) {
    if (bytes.toString('hex', at + 8, at + 16) !== from.salt) break;
    const header = walChecksum(bytes, at, at + 8, checksum, from.bigEndian);
    const next = walChecksum(bytes, at + FRAME_HEADER_BYTES, at + size, header, from.bigEndian);
    if (next[0] !== bytes.readUInt32BE(at + 16) || next[1] !== bytes.readUInt32BE(at + 20)) break;
    checksum = next;
    frames.push({
      page: bytes.readUInt32BE(at),
      pageCount: bytes.readUInt32BE(at + 4),
      at: at + FRAME_HEADER_BYTES,
    });
  }
  return { frames, end: { ...from, frame: from.frame + frames.length, checksum } };
}

/** SQLite's running checksum over `bytes` from `start` to `end`, a multiple of 8 bytes. */
export function walChecksum(
  bytes: Buffer,
  start: number,
  end: number,
  before: readonly [number, number],
  bigEndian: boolean,
): readonly [number, number] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  let [first, second] = before;
  for (let at = start; at < end; at += 8) {
    first = (first + view.getUint32(at, !bigEndian) + second) >>> 0;
    second = (second + view.getUint32(at + 4, !bigEndian) + first) >>> 0;
  }
  return [first, second];
}

/**
 * The wal-index at the beginning of a `-shm` file, in the byte order of this machine; undefined while a writer is changing
 * it, before there is one, or when its version is one that we do not know.
 */
export function walIndex(bytes: Buffer, littleEndian: boolean): WalIndex | undefined {
  if (bytes.length < WAL_INDEX_BYTES) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const word = (at: number): number => view.getUint32(at, littleEndian);
  const copy = bytes.subarray(INDEX_HEADER_BYTES, 2 * INDEX_HEADER_BYTES);
  if (!bytes.subarray(0, INDEX_HEADER_BYTES).equals(copy)) return undefined;
  if (word(0) !== INDEX_VERSION || bytes[12] !== 1) return undefined;
  const checksum = walChecksum(bytes, 0, 40, [0, 0], !littleEndian);
  if (checksum[0] !== word(40) || checksum[1] !== word(44)) return undefined;
  const size = view.getUint16(14, littleEndian);
  return {
    version: bytes.toString('hex', 0, INDEX_HEADER_BYTES),
    pageSize: size === 1 ? 65_536 : size,
    commits: word(8),
    frames: word(16),
    pageCount: word(20),
    checksum: [word(24), word(28)],
    salt: bytes.toString('hex', 32, 40),
    checkpointed: word(96),
  };
}
