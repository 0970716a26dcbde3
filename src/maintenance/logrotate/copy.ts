import { createHash } from 'node:crypto';
import { type FileHandle, open, rm } from 'node:fs/promises';
import { constants } from 'node:fs';

const CHUNK_BYTES = 1024 * 1024;
const PIECE_BYTES = 256 * 1024;
const NEWLINE = 0x0a;
/** Smallest hole that is kept: what every file system of today has as a block, or a multiple of it. */
const HOLE_BYTES = 4096;
const ZEROS = Buffer.alloc(HOLE_BYTES);

/** Calls `use` with the bytes from `from` to `until`, or to where the file ends before it; a piece is valid during its call only. */
export async function readRange(
  file: FileHandle,
  from: number,
  until: number,
  use: (piece: Buffer, position: number) => Promise<void> | void,
  signal?: AbortSignal,
): Promise<void> {
  const buffer = Buffer.allocUnsafe(Math.max(1, Math.min(CHUNK_BYTES, until - from)));
  for (let position = from; position < until;) {
    signal?.throwIfAborted();
    const { bytesRead } = await file.read(buffer, 0, Math.min(buffer.length, until - position), position);
    if (bytesRead === 0) return;
    await use(buffer.subarray(0, bytesRead), position);
    position += bytesRead;
  }
}

/** Everything in a file, as pieces of their own. */
export async function* piecesOf(file: FileHandle): AsyncGenerator<Buffer> {
  for (let position = 0; ;) {
    const { bytesRead, buffer } = await file.read(Buffer.allocUnsafe(PIECE_BYTES), 0, PIECE_BYTES, position);
    if (bytesRead === 0) return;
    yield buffer.subarray(0, bytesRead);
    position += bytesRead;
  }
}

/**
 * Copies the bytes from `from` to `until` of `source` to the beginning of the new, empty file `target`. With `sparse`, blocks
 * of nothing but zeros stay holes. Returns how many bytes `target` has: fewer if `source` ended before `until`.
 */
export async function copyRange(
  source: FileHandle,
  target: FileHandle,
  { from, until, sparse }: { readonly from: number; readonly until: number; readonly sparse: boolean },
  signal: AbortSignal,
): Promise<number> {
  let bytes = 0;
  const copy = async (piece: Buffer): Promise<void> => {
    for (const { at, data } of sparse ? withoutHoles(piece) : [{ at: 0, data: piece }])
      await writeWhole(target, data, bytes + at);
    bytes += piece.length;
  };
  await readRange(source, from, until, copy, signal);
  await target.truncate(bytes); // a hole at the end is not written
  return bytes;
}

/** Writes all of `data`: `write` of a handle may write less than it was given. */
export async function writeWhole(target: FileHandle, data: Buffer, position: number): Promise<void> {
  for (let done = 0; done < data.length;) {
    const { bytesWritten } = await target.write(data, done, data.length - done, position + done);
    done += bytesWritten;
  }
}

function withoutHoles(piece: Buffer): readonly { at: number; data: Buffer }[] {
  const parts: { at: number; data: Buffer }[] = [];
  for (let at = 0; at < piece.length; at += HOLE_BYTES) {
    const data = piece.subarray(at, at + HOLE_BYTES);
    if (!data.equals(ZEROS.subarray(0, data.length))) parts.push({ at, data });
  }
  return parts;
}

/** The offset behind the last newline between `from` and `until`; `until` when there is none, so that a log without lines is archived too. */
export async function endOfLines(file: FileHandle, from: number, until: number): Promise<number> {
  for (let end = until; end > from;) {
    const start = Math.max(from, end - CHUNK_BYTES);
    let found = -1;
    await readRange(file, start, end, (piece, position) => {
      const at = piece.lastIndexOf(NEWLINE);
      if (at >= 0) found = position + at + 1;
    });
    if (found >= 0) return found;
    end = start;
  }
  return until;
}

/** SHA-256 (hex) and newlines of the bytes from `from` to `until`. */
export async function digestRange(
  file: FileHandle,
  from: number,
  until: number,
): Promise<{ sha256: string; lines: number; bytes: number }> {
  const hash = createHash('sha256');
  let lines = 0;
  let bytes = 0;
  await readRange(file, from, until, (piece) => {
    hash.update(piece);
    bytes += piece.length;
    for (let at = piece.indexOf(NEWLINE); at >= 0; at = piece.indexOf(NEWLINE, at + 1)) lines += 1;
  });
  return { sha256: hash.digest('hex'), lines, bytes };
}

/** Whether `bytes` bytes of `one` from `from` on are those at the beginning of `other`. */
export async function sameBytes(
  one: FileHandle,
  from: number,
  other: FileHandle,
  bytes: number,
): Promise<boolean> {
  const mine = await digestRange(one, from, from + bytes);
  const theirs = await digestRange(other, 0, bytes);
  return mine.bytes === bytes && theirs.bytes === bytes && mine.sha256 === theirs.sha256;
}

/** Mode, owner and times that a copy takes over. */
export interface Attributes {
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly atimeMs: number;
  readonly mtimeMs: number;
}

/** Opens a file that is no symbolic link; a pipe in its place does not hang. */
export function openPlain(path: string, access: 'read' | 'read and write'): Promise<FileHandle> {
  const { O_RDONLY, O_RDWR, O_NOFOLLOW, O_NONBLOCK } = constants;
  return open(path, (access === 'read' ? O_RDONLY : O_RDWR) | O_NOFOLLOW | O_NONBLOCK);
}

/** A new file of that name, private until {@link giveAttributes}; what a rotation that was cut off left there goes first. */
export async function createTemporary(path: string): Promise<FileHandle> {
  await rm(path, { force: true });
  return open(path, 'wx+', 0o600);
}

/** Makes a finished copy like its original; root alone can give it to another owner, so no other user tries. */
export async function giveAttributes(
  file: FileHandle,
  { mode, uid, gid, atimeMs, mtimeMs }: Attributes,
): Promise<void> {
  const own = await file.stat();
  if (process.getuid?.() === 0 && (own.uid !== uid || own.gid !== gid)) await file.chown(uid, gid);
  await file.chmod(mode & 0o7777);
  await file.utimes(atimeMs / 1000, mtimeMs / 1000);
}
