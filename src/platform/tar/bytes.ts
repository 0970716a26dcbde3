import { constants, readSync } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';
import { relative, sep } from 'node:path';
import { WavspoolError } from '../../domain/faults.ts';
import { openFileBelow } from '../linux/index.ts';
import type { YieldTurn, ReadExactly } from '../runtime/index.ts';
import { RECORD_BYTES } from './end.ts';
import { systemFault } from './fault.ts';

/** The bytes of a tar, front to back. */
export interface TarBytes {
  /** How many bytes were read or skipped so far. */
  readonly position: number;
  /** The next 1 to `maxBytes` bytes, good until the next are asked for; undefined at the end. */
  read(maxBytes: number): Promise<Uint8Array | undefined>;
  /** Passes over `bytes` bytes; how many there were, fewer only at the end. */
  skip(bytes: number): Promise<number>;
  /** The `bytes` bytes before `position`, at most {@link KEPT_BYTES}, fewer at the beginning; good until the next are asked for. */
  before(bytes: number): Promise<Uint8Array>;
}

/** Two records: what stands at the end of one and may have stood in the one before. */
export const KEPT_BYTES = 2 * RECORD_BYTES;

const CHUNK_BYTES = 512 * 1024;
/** What {@link seekingBytes} reads at once, at most. */
export const WINDOW_BYTES = 64 * 1024;
/** After a long skip: a header, and what may belong to it. */
const PEEK_BYTES = 4 * 1024;

/** Non-blocking: the open of a named pipe without a writer would wait for ever. */
// oxlint-disable-next-line no-bitwise -- flags of open(2)
const READ = constants.O_RDONLY | constants.O_NONBLOCK;

/**
 * Opens a tar for reading. With `below` it must lie below that directory, and no link is followed on the way from there (P13).
 * Throws `TAR_MISSING`, `FILE_UNREADABLE` or `HOST_FAILING`; what is not a regular file is unreadable.
 */
export async function openTar(path: string, below?: string): Promise<FileHandle> {
  try {
    const file = await (below === undefined
      ? open(path, READ)
      : openFileBelow(below, relative(below, path).split(sep), READ));
    if ((await file.stat()).isFile()) return file;
    await file.close();
  } catch (error) {
    throw systemFault(path, error);
  }
  throw new WavspoolError('FILE_UNREADABLE', `${path}: is not a regular file, a tar was expected`);
}

/**
 * The file from its first byte to its last. A chunk is good until the next is asked for: all of them use one piece of memory, for
 * buffers that come and go make the collector run more than anything else here. Reading never waits: see `yieldTurn`. Throws
 * `FILE_UNREADABLE`, or the signal's reason.
 */
export async function* readChunks(
  path: string,
  file: FileHandle,
  {
    signal,
    yieldTurn = () => new Promise((resolve) => setImmediate(resolve)),
  }: { readonly signal?: AbortSignal | undefined; readonly yieldTurn?: (() => Promise<void>) | undefined },
): AsyncGenerator<Uint8Array, void, undefined> {
  const memory = Buffer.allocUnsafeSlow(CHUNK_BYTES);
  for (let position = 0; ;) {
    await yieldTurn();
    signal?.throwIfAborted();
    const bytes = readNow(path, file, memory, position);
    if (bytes === 0) return;
    position += bytes;
    yield memory.subarray(0, bytes);
  }
}

function readNow(path: string, file: FileHandle, memory: Buffer, position: number): number {
  try {
    return readSync(file.fd, memory, 0, memory.length, position);
  } catch (error) {
    throw systemFault(path, error);
  }
}

/** Reads all of `chunks`, also what is skipped. */
export function streamedBytes(chunks: AsyncIterator<Uint8Array, unknown, undefined>): TarBytes {
  const kept = keepLast(KEPT_BYTES);
  let chunk: Uint8Array = new Uint8Array(0);
  let rest = chunk;
  let position = 0;
  const read = async (maxBytes: number): Promise<Uint8Array | undefined> => {
    while (rest.length === 0) {
      kept.add(chunk);
      chunk = rest;
      const next = await chunks.next();
      if (next.done === true) return undefined;
      chunk = next.value;
      rest = chunk;
    }
    const taken = rest.subarray(0, maxBytes);
    rest = rest.subarray(taken.length);
    position += taken.length;
    return taken;
  };
  return {
    get position() {
      return position;
    },
    read,
    async skip(bytes) {
      let skipped = 0;
      while (skipped < bytes) {
        const part = await read(bytes - skipped);
        if (part === undefined) break;
        skipped += part.length;
      }
      return skipped;
    },
    before: (bytes) =>
      Promise.resolve(
        lastOf(Buffer.concat([kept.all(), chunk.subarray(0, chunk.length - rest.length)]), bytes),
      ),
  };
}

/** Keeps the last `most` of the bytes that it is given, in one piece of memory. */
function keepLast(most: number): { add(bytes: Uint8Array): void; all(): Uint8Array } {
  const memory = Buffer.allocUnsafeSlow(most);
  let length = 0;
  return {
    add(bytes) {
      const added = lastOf(bytes, most);
      const stays = Math.min(length, most - added.length);
      memory.copyWithin(0, length - stays, length);
      memory.set(added, stays);
      length = stays + added.length;
    },
    all: () => memory.subarray(0, length),
  };
}

function lastOf(bytes: Uint8Array, most: number): Uint8Array {
  return bytes.subarray(Math.max(0, bytes.length - most));
}

/** How a tar is read of which most is skipped. */
export interface SeekingOptions {
  /** Of {@link WINDOW_BYTES}; what is read lies in it. */
  readonly memory: Buffer;
  readonly read: ReadExactly;
  /** Called before each read, for `read` may not wait. */
  readonly yieldTurn: YieldTurn;
  readonly signal: AbortSignal | undefined;
}

/** Reads only what is asked for: skipping costs nothing. The end is where the file ended when this was called. */
export async function seekingBytes(
  path: string,
  file: FileHandle,
  { memory, read, yieldTurn, signal }: SeekingOptions,
): Promise<TarBytes> {
  const { size } = await file.stat();
  let window: Uint8Array = new Uint8Array(0);
  let windowStart = 0;
  let position = 0;
  const look = async (start: number, bytes: number): Promise<void> => {
    await yieldTurn();
    signal?.throwIfAborted();
    try {
      window = await read(file.fd, start, bytes, memory);
    } catch (error) {
      throw systemFault(path, error);
    }
    windowStart = start;
  };
  return {
    get position() {
      return position;
    },
    async read(maxBytes) {
      if (position >= size) return undefined;
      if (position < windowStart || position >= windowStart + window.length) {
        const isFar = position > windowStart + 2 * WINDOW_BYTES;
        await look(position, Math.min(isFar ? PEEK_BYTES : WINDOW_BYTES, size - position));
        if (window.length === 0) return undefined; // it was cut since
      }
      const from = position - windowStart;
      const taken = window.subarray(from, from + maxBytes);
      position += taken.length;
      return taken;
    },
    skip(bytes) {
      const skipped = Math.min(bytes, Math.max(size - position, 0));
      position += skipped;
      return Promise.resolve(skipped);
    },
    async before(bytes) {
      const length = Math.min(bytes, position);
      await look(position - length, length);
      return window;
    },
  };
}

/** The next `length` bytes, in memory of their own; fewer mean that the tar ends there. */
export async function readUpTo(bytes: TarBytes, length: number): Promise<Uint8Array> {
  const copy = Buffer.allocUnsafe(length);
  let got = 0;
  while (got < length) {
    const part = await bytes.read(length - got);
    if (part === undefined) break;
    copy.set(part, got);
    got += part.length;
  }
  return copy.subarray(0, got);
}
