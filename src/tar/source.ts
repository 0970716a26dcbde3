import { constants } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';
import { errnoOf, messageOf, WavspoolError } from '../faults.ts';

/** Bytes that are taken from the front: what a tar is walked over. */
export interface ByteSource {
  /** Offset of the next byte. */
  readonly position: () => number;
  /** The next 1 to `max` bytes, never written to again; undefined at the end. */
  readonly take: (max: number) => Promise<Uint8Array | undefined>;
  /** Passes over `count` bytes; returns how many of them there were. */
  readonly skip: (count: number) => Promise<number>;
}

const CHUNK_BYTES = 256 * 1024;
const FIRST_WINDOW_BYTES = 4 * 1024;

/**
 * Opens the regular file at `path` for reading. Throws TAR_MISSING or FILE_UNREADABLE; a FIFO with a tar's name does not
 * make it wait.
 */
export async function openTar(path: string): Promise<FileHandle> {
  let file: FileHandle;
  try {
    file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (error) {
    throw systemFault(path, error);
  }
  try {
    if ((await file.stat()).isFile()) return file;
  } catch (error) {
    await file.close();
    throw systemFault(path, error);
  }
  await file.close();
  throw new WavspoolError('FILE_UNREADABLE', `${path} is not a regular file`);
}

/** The file's bytes from its start to wherever its end then is. Throws FILE_UNREADABLE, or the signal's reason. */
export async function* rawChunks(
  file: FileHandle,
  path: string,
  signal: AbortSignal | undefined,
): AsyncGenerator<Uint8Array, void> {
  for (let offset = 0; ;) {
    const chunk = await readAt(file, path, CHUNK_BYTES, offset, signal);
    if (chunk.length === 0) return;
    offset += chunk.length;
    yield chunk;
  }
}

/** A source over chunks that come one after the other; skipping reads them. */
export function streamSource(chunks: AsyncIterator<Uint8Array>): ByteSource {
  let current: Uint8Array = new Uint8Array();
  let position = 0;
  const take = async (max: number): Promise<Uint8Array | undefined> => {
    while (current.length === 0) {
      const next = await chunks.next();
      if (next.done === true) return undefined;
      current = next.value;
    }
    const taken = current.subarray(0, max);
    current = current.subarray(taken.length);
    position += taken.length;
    return taken;
  };
  const skip = async (count: number): Promise<number> => {
    let left = count;
    while (left > 0) {
      const taken = await take(left);
      if (taken === undefined) break;
      left -= taken.length;
    }
    return count - left;
  };
  return { position: () => position, take, skip };
}

/**
 * A source that jumps over what is skipped. It reads 4 KiB behind a jump and up to 256 KiB where members lie close
 * together, so that neither large nor many small members make it read what it does not need.
 */
export function seekingSource(
  file: FileHandle,
  path: string,
  fileBytes: number,
  signal: AbortSignal | undefined,
): ByteSource {
  let window: Uint8Array = new Uint8Array();
  let windowAt = 0;
  let position = 0;
  let nextWindowBytes = FIRST_WINDOW_BYTES;
  const take = async (max: number): Promise<Uint8Array | undefined> => {
    if (position >= windowAt + window.length) {
      window = await readAt(file, path, nextWindowBytes, position, signal);
      windowAt = position;
      nextWindowBytes = Math.min(nextWindowBytes * 2, CHUNK_BYTES);
      if (window.length === 0) return undefined;
    }
    const taken = window.subarray(position - windowAt, position - windowAt + max);
    position += taken.length;
    return taken;
  };
  const skip = async (count: number): Promise<number> => {
    const skipped = Math.max(0, Math.min(count, fileBytes - position));
    position += skipped;
    if (position > windowAt + window.length) nextWindowBytes = FIRST_WINDOW_BYTES;
    return skipped;
  };
  return { position: () => position, take, skip };
}

/** Exactly `count` bytes, or as many as there are before the end. */
export async function takeWhole(source: ByteSource, count: number): Promise<Uint8Array> {
  const first = (await source.take(count)) ?? new Uint8Array();
  if (first.length === count || first.length === 0) return first;
  const parts = [first];
  for (let have = first.length; have < count;) {
    const part = await source.take(count - have);
    if (part === undefined) break;
    parts.push(part);
    have += part.length;
  }
  return Buffer.concat(parts);
}

async function readAt(
  file: FileHandle,
  path: string,
  bytes: number,
  offset: number,
  signal: AbortSignal | undefined,
): Promise<Uint8Array> {
  signal?.throwIfAborted();
  try {
    const { bytesRead, buffer } = await file.read(Buffer.allocUnsafeSlow(bytes), 0, bytes, offset);
    return buffer.subarray(0, bytesRead);
  } catch (error) {
    throw systemFault(path, error);
  }
}

function systemFault(path: string, error: unknown): WavspoolError {
  if (errnoOf(error) === 'ENOENT')
    return new WavspoolError('TAR_MISSING', `${path} is gone`, { cause: error });
  return new WavspoolError('FILE_UNREADABLE', `${path} cannot be read: ${messageOf(error)}`, {
    cause: error,
  });
}
