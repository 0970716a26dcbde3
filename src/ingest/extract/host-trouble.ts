import { constants } from 'node:fs';
import { access } from 'node:fs/promises';
import { WavspoolError, errnoOf, messageOf } from '../../domain/faults.ts';
import { isOfHost } from '../../platform/runtime/index.ts';

/** Of what is written, the name alone is to blame. */
const OF_THE_NAME: ReadonlySet<string> = new Set(
  'ENAMETOOLONG EILSEQ EINVAL ELOOP ENOTDIR EEXIST EISDIR ENOTEMPTY'.split(' '),
);

/**
 * What went wrong with a tar that was being extracted to `directory`, as a fault. What the system says here it says of what is
 * written: reading the tar has faults of its own. All of it but names that the disk cannot have is the host's trouble.
 */
export function extractionFault(error: unknown, tar: string, directory: string): WavspoolError {
  if (error instanceof WavspoolError) return error;
  const errno = errnoOf(error);
  const said = messageOf(error);
  if (errno === 'ENOSPC' || errno === 'EDQUOT' || errno === 'SQLITE_FULL')
    return new WavspoolError('DISK_FULL', `the disk of ${directory} is full (${errno})`, { cause: error });
  if (errno === undefined || !/^E[A-Z0-9]+$/.test(errno))
    return new WavspoolError('UNKNOWN', `${tar}: ${said}`, { cause: error });
  if (OF_THE_NAME.has(errno))
    return new WavspoolError('FILE_UNREADABLE', `${tar}: ${said}`, { cause: error });
  return new WavspoolError('HOST_FAILING', `${directory} cannot be written: ${said}`, { cause: error });
}

/**
 * Whether what the host did to a tar it did to a directory of that tar alone, and not to all of `extracted`: one that is closed to
 * wavspool keeps no other tar waiting, and the tar goes on by itself when its owner opens it.
 */
export async function waitsAlone(error: unknown, extracted: string): Promise<boolean> {
  if (!(error instanceof WavspoolError) || error.code !== 'HOST_FAILING') return false;
  const errno = errnoOf(error.cause);
  if (errno === undefined || isOfHost(errno)) return false;
  try {
    // oxlint-disable-next-line no-bitwise -- flags of access(2)
    await access(extracted, constants.W_OK | constants.X_OK);
    return true;
  } catch {
    return false; // it may be why: all of them wait
  }
}
