import type { FileHandle } from 'node:fs/promises';
import { openTar, readChunks, streamedBytes } from './bytes.ts';
import { compressionOf, decompressed, MAGIC_BYTES } from './decompress.ts';
import type { TarProgress } from './fault.ts';
import { walkMembers, type TarMember } from './walk.ts';
import type { WalkOptions } from './walk-state.ts';

export interface ReadTarOptions extends WalkOptions {
  /** The tar, opened; it stays open. Opened from its path unless given. */
  readonly file?: FileHandle;
  /** Sees every byte of the file once, in order and before it is unpacked; all of them once the reading ended well. */
  readonly onRaw?: (chunk: Uint8Array) => void;
}

/**
 * Reads the tar at `path`, plain, gzip or zstd, front to back in bounded memory. It ends without an error only when the tar
 * is complete: it ends as a tar must (see `walkMembers`), and a compressed stream ended as it should.
 *
 * Throws `TAR_INCOMPLETE` (it ends early), `TAR_CORRUPT`, `TAR_UNSUPPORTED`, `TAR_MISSING`, `FILE_UNREADABLE`, or the signal's reason. Members
 * that were yielded before a fault are whole if their body was read to its end. Nothing stays open, however it ends.
 */
export async function* readTar(
  path: string,
  options: ReadTarOptions = {},
): AsyncGenerator<TarMember, void, undefined> {
  const progress: TarProgress = { path, members: 0 };
  const file = options.file ?? (await openTar(path));
  try {
    const raw = seen(readChunks(path, file, options), options.onRaw);
    const { start, chunks } = await peek(raw);
    const compression = compressionOf(start);
    const plain = compression === undefined ? chunks : decompressed(chunks, compression, progress);
    try {
      const bytes = streamedBytes(until(plain, options.signal));
      yield* walkMembers(bytes, progress, { ...options, isUnpacked: compression !== undefined });
    } finally {
      await plain.return();
    }
  } finally {
    if (options.file === undefined) await file.close();
  }
}

/** Looks at the signal at each chunk: a few compressed bytes can be gigabytes of what comes out. */
async function* until(
  chunks: AsyncIterable<Uint8Array>,
  signal: AbortSignal | undefined,
): AsyncGenerator<Uint8Array, void, undefined> {
  for await (const chunk of chunks) {
    signal?.throwIfAborted();
    yield chunk;
  }
}

async function* seen(
  chunks: AsyncGenerator<Uint8Array, void, undefined>,
  onRaw: ((chunk: Uint8Array) => void) | undefined,
): AsyncGenerator<Uint8Array, void, undefined> {
  for await (const chunk of chunks) {
    onRaw?.(chunk);
    yield chunk;
  }
}

/** The first bytes, enough to know the compression by, and all the chunks including them. Nothing else may read on meanwhile. */
async function peek(
  raw: AsyncGenerator<Uint8Array, void, undefined>,
): Promise<{ start: Uint8Array; chunks: AsyncGenerator<Uint8Array, void, undefined> }> {
  let start: Uint8Array = new Uint8Array(0);
  while (start.length < MAGIC_BYTES) {
    const next = await raw.next();
    if (next.done === true) break;
    const isEnough = start.length === 0 && next.value.length >= MAGIC_BYTES;
    start = isEnough ? next.value : Buffer.concat([start, next.value]);
  }
  async function* chunks(): AsyncGenerator<Uint8Array, void, undefined> {
    yield start;
    yield* raw;
  }
  return { start, chunks: chunks() };
}
