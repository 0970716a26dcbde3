import type { FileHandle } from 'node:fs/promises';
import { WavspoolError } from '../faults.ts';
import { createBreather, createQuickReader, systemClock } from '../runtime/index.ts';
import { WINDOW_BYTES, openTar, readUpTo, seekingBytes, type SeekingOptions } from './bytes.ts';
import { compressionOf, MAGIC_BYTES } from './decompress.ts';
import { readTar } from './read-tar.ts';
import { walkMembers, type TarMember } from './walk.ts';

/** Reading does not wait while it is quick, so the event loop gets its turn this often. */
const BREATHE_MS = 10;
/** A tar is mostly proved seconds after it was written. */
const read = createQuickReader(systemClock);
/** Memory of proofs that have ended: what is dropped instead stays until the next collection, hundreds of megabytes. */
const unused: Buffer[] = [];

export type Completeness =
  | {
      readonly kind: 'complete';
      readonly members: number;
      /** The sum of all bodies, unpacked. */
      readonly bytes: number;
    }
  | { readonly kind: 'incomplete'; readonly reason: string }
  | { readonly kind: 'corrupt'; readonly reason: string };

/**
 * Whether the tar at `path` is all there: the verdict that {@link readTar} would come to. Of a plain tar only the headers and
 * what is behind the end marker are read, so a damaged body goes unnoticed; a compressed one is unpacked as a whole.
 *
 * Throws `TAR_MISSING`, `FILE_UNREADABLE`, or the signal's reason.
 */
export async function proveComplete(path: string, signal?: AbortSignal): Promise<Completeness> {
  signal?.throwIfAborted();
  const file = await openTar(path);
  const memory = unused.pop() ?? Buffer.allocUnsafeSlow(WINDOW_BYTES);
  try {
    const breathe = createBreather(systemClock, BREATHE_MS);
    return await count(await membersOf(path, file, { memory, read, breathe, signal }));
  } catch (error) {
    if (!(error instanceof WavspoolError)) throw error;
    if (error.code === 'TAR_INCOMPLETE') return { kind: 'incomplete', reason: error.message };
    if (error.code === 'TAR_CORRUPT') return { kind: 'corrupt', reason: error.message };
    throw error;
  } finally {
    unused.push(memory);
    await file.close();
  }
}

async function membersOf(
  path: string,
  file: FileHandle,
  options: SeekingOptions,
): Promise<AsyncIterable<TarMember>> {
  const { signal } = options;
  const start = await readUpTo(await seekingBytes(path, file, options), MAGIC_BYTES);
  if (compressionOf(start) !== undefined) return readTar(path, signal === undefined ? {} : { signal });
  return walkMembers(await seekingBytes(path, file, options), { path, members: 0 });
}

async function count(tarMembers: AsyncIterable<TarMember>): Promise<Completeness> {
  let members = 0;
  let bytes = 0;
  for await (const { size } of tarMembers) {
    members += 1;
    bytes += size;
  }
  return { kind: 'complete', members, bytes };
}
