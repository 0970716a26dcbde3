import { createHash, hash } from 'node:crypto';
import { closeSync, constants, fstatSync, openSync, type Stats } from 'node:fs';
import { relative, sep } from 'node:path';
import { WavspoolError, errnoOf, messageOf } from '../../domain/faults.ts';
import { openFileBelowNow } from '../linux/index.ts';
import { isOfHost, pathBelow, readExactly, type ReadExactly } from '../runtime/index.ts';
import type { ObjectToPut } from './object-store.ts';

/** What of an object-to-be is needed to read it. */
export type DescribedFile = Pick<ObjectToPut, 'path' | 'within' | 'size' | 'sha256'>;

/**
 * The whole file, or the part of one, if it is the one described, read by `read` into `memory`, which holds at least `file.size` bytes; the
 * returned bytes lie in it. Throws RECORDING_MISSING, RECORDING_CHANGED, FILE_UNREADABLE or HOST_FAILING.
 *
 * At most the bytes are waited for. To open a file, ask its size and close it takes the kernel 3 µs, and the thread pool 100.
 */
export async function readRecording(file: DescribedFile, memory: Buffer, read: ReadExactly): Promise<Buffer> {
  const bytes = await attempt(file, async () => {
    const descriptor = openNow(file);
    try {
      requireSize(file, fstatSync(descriptor));
      return await read(descriptor, startOf(file), file.size, memory);
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
  const descriptor = await attempt(file, () => Promise.resolve(openNow(file)));
  try {
    requireSize(file, fstatSync(descriptor));
  } catch (error) {
    closeSync(descriptor);
    throw error;
  }
  let position = 0;
  return {
    read: async (length, memory = Buffer.allocUnsafe(length)) => {
      const bytes = await attempt(file, () =>
        readExactly(descriptor, startOf(file) + position, length, memory),
      );
      position += bytes.length;
      if (bytes.length < length) requireLength(file, position);
      return bytes;
    },
    [Symbol.asyncDispose]: () => {
      closeSync(descriptor);
      return Promise.resolve();
    },
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

/** Non-blocking: the open of a pipe without a writer would wait for ever. */
// oxlint-disable-next-line no-bitwise -- flags of open(2)
const READ_PART = constants.O_RDONLY | constants.O_NONBLOCK;

function openNow({ path, within }: DescribedFile): number {
  if (within === undefined) return openSync(path, 'r');
  const { file, below } = within;
  return openFileBelowNow(below, (pathBelow(below, file) ?? relative(below, file)).split(sep), READ_PART);
}

function startOf({ within }: DescribedFile): number {
  return within?.offset ?? 0;
}

function requireSize(file: DescribedFile, found: Stats): void {
  const { size } = found;
  if (file.within !== undefined) {
    const end = file.within.offset + file.size;
    if (!found.isFile()) throw changed(file, 'is no regular file');
    if (size < end) throw changed(file, `is ${size} bytes long, the recording ends at byte ${end} of it`);
    return;
  }
  if (size !== file.size) throw changed(file, `is ${size} bytes long, its row says ${file.size}`);
}

function requireLength(file: DescribedFile, length: number): void {
  if (length < file.size) throw changed(file, `ends at byte ${length}, its row says ${file.size}`);
}

function requireHash(file: DescribedFile, sha256: string): void {
  if (sha256 !== file.sha256) throw changed(file, `has SHA-256 ${sha256}, its row says ${file.sha256}`);
}

function changed(file: DescribedFile, what: string): WavspoolError {
  return new WavspoolError('RECORDING_CHANGED', `${shown(file)} ${what}`);
}

/** What a fault is about: the file, or where in another one it lies. */
function shown({ path, within }: DescribedFile): string {
  return within === undefined ? path : `${path}, from byte ${within.offset} of ${within.file} on,`;
}

async function attempt<T>(file: DescribedFile, operation: () => Promise<T>): Promise<T> {
  try {
    return await operation();
  } catch (error) {
    const errno = errnoOf(error);
    if (errno === undefined || error instanceof WavspoolError) throw error;
    // a link that another program has put in the way: what is behind it is not the tar that was extracted
    if (file.within !== undefined && (errno === 'ENOTDIR' || errno === 'ELOOP'))
      throw new WavspoolError('RECORDING_CHANGED', `${shown(file)} is behind a link, or no file any more`, {
        cause: error,
      });
    throw unreadable(shown(file), errno, error);
  }
}

/** What the system says of a recording that is read: RECORDING_MISSING, FILE_UNREADABLE, or HOST_FAILING where no single file is to blame. */
export function unreadable(path: string, errno: string, cause: unknown): WavspoolError {
  if (errno === 'ENOENT' || errno === 'ENOTDIR')
    return new WavspoolError('RECORDING_MISSING', `${path} is not there`, { cause });
  const code = isOfHost(errno) && errno !== 'EIO' ? 'HOST_FAILING' : 'FILE_UNREADABLE'; // a bad sector is that file's own
  return new WavspoolError(code, `${path} cannot be read: ${messageOf(cause)}`, { cause });
}
