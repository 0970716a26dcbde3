import { errnoOf, messageOf, WavspoolError, type FaultCode } from '../../domain/faults.ts';
import { isOfHost } from '../runtime/index.ts';

/** How far the reading of one tar has come; it is what every message about a bad tar ends with. */
export interface TarProgress {
  readonly path: string;
  members: number;
}

/** A fault of the tar itself. `offset` is in bytes of the tar, behind decompression if it is compressed. */
export function tarFault(
  code: FaultCode,
  progress: TarProgress,
  offset: number,
  what: string,
  options?: ErrorOptions,
): WavspoolError {
  const count = `${progress.members} ${progress.members === 1 ? 'member' : 'members'}`;
  return new WavspoolError(code, `${progress.path}: at byte ${offset}, after ${count}: ${what}`, options);
}

/** What the operating system said about the tar's file, as a fault: `TAR_MISSING`, `FILE_UNREADABLE` or `HOST_FAILING`. */
export function systemFault(path: string, error: unknown): unknown {
  const errno = errnoOf(error);
  if (error instanceof WavspoolError || errno === undefined || !/^E[A-Z0-9]+$/.test(errno)) return error;
  if (isOfHost(errno) && errno !== 'EIO') {
    // a bad sector is that file's own
    const what = `${path} cannot be read: ${messageOf(error)}`;
    return new WavspoolError('HOST_FAILING', what, { cause: error });
  }
  const code = errno === 'ENOENT' ? 'TAR_MISSING' : 'FILE_UNREADABLE';
  return new WavspoolError(code, `${path}: cannot be read: ${messageOf(error)}`, { cause: error });
}
