import { opendir, rm, writeFile } from 'node:fs/promises';
import { temporaryPath } from './durable-file.ts';

/** What no single file is to blame for: a disk that fails, is full or read-only, a share that is gone, no descriptors, no memory. */
const OF_HOST: ReadonlySet<string> = new Set(
  (
    'EROFS EIO ENOSPC EDQUOT EMFILE ENFILE ENOMEM ENOBUFS EAGAIN ESTALE ENODEV ' +
    'ENXIO ENOTCONN EHOSTDOWN EHOSTUNREACH ETIMEDOUT EREMOTEIO ENETDOWN ENETUNREACH'
  ).split(' '),
);

/** Whether that errno is the host's trouble, whatever was being done. An EIO of a single file may still be that file's. */
export function isOfHost(errno: string): boolean {
  return OF_HOST.has(errno);
}

/** Whether a directory cannot be read at all: what was to be had in it is not to blame then. */
export async function isDirectoryFailing(directory: string): Promise<boolean> {
  try {
    await using entries = await opendir(directory);
    await entries.read();
    return false;
  } catch {
    return true; // what it says of the directory, it has said of the file
  }
}

/** Whether the file system of a directory fails: what is written there does not reach the disk. A dead one may still list its names. */
export async function isDiskFailing(directory: string): Promise<boolean> {
  const probe = temporaryPath(directory);
  try {
    await writeFile(probe, 'probe', { flag: 'wx', flush: true });
    await rm(probe);
    return false;
  } catch {
    return true; // what it says of the probe, it has said of the file
  }
}
