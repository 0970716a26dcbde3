import { createHash, hash } from 'node:crypto';
import { closeSync, fstatSync, openSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { WavspoolError, errnoOf, messageOf } from '../../domain/faults.ts';
import { isOfHost, readExactly, type ReadExactly } from '../runtime/index.ts';
import type { ObjectToPut } from './object-store.ts';

/** What of an object-to-be is needed to read it. */
export type DescribedFile = Pick<ObjectToPut, 'path' | 'size' | 'sha256'>;

/**
 * The whole file, if it is the one described, read by `read` into `memory`, which holds at least `file.size` bytes; the
 * returned bytes lie in it. Throws RECORDING_MISSING, RECORDING_CHANGED, FILE_UNREADABLE or HOST_FAILING.
 *
 * At most the bytes are waited for. To open a file, ask its size and close it takes the kernel 3 µs, and the thread pool 100.
 */
export async function readRecording(file: DescribedFile, memory: Buffer, read: ReadExactly): Promise<Buffer> {
  const bytes = await attempt(file, async () => {
    const descriptor = openSync(file.path, 'r');
    try {
      requireSize(file, fstatSync(descriptor).size);
      return await read(descriptor, 0, file.size, memory);
    } finally {
      closeSync(descriptor);
    }
  });
  requireLength(file, bytes.length);
  requireHash(file, hash('sha256', bytes, 'hex'));
  return bytes;
}

/** A recording that is read from its beginning to its end, piece by piece. */
export interface OpenRecording extends AsyncDisposable {
  /** The next `length` bytes, in `memory` if given. Throws RECORDING_CHANGED when the file has become shorter, else FILE_UNREADABLE. */
  read(length: number, memory?: Buffer): Promise<Buffer>;
}

/** Opens the file if it has the described size. Throws as {@link readRecording} does. */
export async function openRecording(file: DescribedFile): Promise<OpenRecording> {
  const handle = await attempt(file, () => open(file.path, 'r'));
  try {
    const { size } = await attempt(file, () => handle.stat());
    requireSize(file, size);
  } catch (error) {
    await handle.close();
    throw error;
  }
  let position = 0;
  return {
    read: async (length, memory = Buffer.allocUnsafe(length)) => {
      const bytes = await attempt(file, () => readExactly(handle.fd, position, length, memory));
      position += bytes.length;
      if (bytes.length < length) requireLength(file, position);
      return bytes;
    },
    [Symbol.asyncDispose]: () => handle.close(),
  };
}

/** Hashes pieces that are given in order and compares the whole with the description. */
export function runningHash(file: DescribedFile): { add(bytes: Buffer): void; requireMatch(): void } {
  const running = createHash('sha256');
  return {
    add: (bytes) => void running.update(bytes),
    requireMatch: () => {
      requireHash(file, running.digest('hex'));
    },
  };
}

function requireSize(file: DescribedFile, size: number): void {
  if (size !== file.size) throw changed(file, `is ${size} bytes long, its row says ${file.size}`);
}

function requireLength(file: DescribedFile, length: number): void {
  if (length < file.size) throw changed(file, `ends at byte ${length}, its row says ${file.size}`);
}

function requireHash(file: DescribedFile, sha256: string): void {
  if (sha256 !== file.sha256) throw changed(file, `has SHA-256 ${sha256}, its row says ${file.sha256}`);
}

function changed(file: DescribedFile, what: string): WavspoolError {
  return new WavspoolError('RECORDING_CHANGED', `${file.path} ${what}`);
}

async function attempt<T>(file: DescribedFile, operation: () => Promise<T>): Promise<T> {
  try {
    return await operation();
  } catch (error) {
    const errno = errnoOf(error);
    if (errno === undefined || error instanceof WavspoolError) throw error;
    throw unreadable(file.path, errno, error);
  }
}

/** What the system says of a recording that is read: RECORDING_MISSING, FILE_UNREADABLE, or HOST_FAILING where no single file is to blame. */
export function unreadable(path: string, errno: string, cause: unknown): WavspoolError {
  if (errno === 'ENOENT' || errno === 'ENOTDIR')
    return new WavspoolError('RECORDING_MISSING', `${path} is not there`, { cause });
  const code = isOfHost(errno) && errno !== 'EIO' ? 'HOST_FAILING' : 'FILE_UNREADABLE'; // a bad sector is that file's own
  return new WavspoolError(code, `${path} cannot be read: ${messageOf(cause)}`, { cause });
}
