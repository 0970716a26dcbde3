import { constants } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';
import { errnoOf } from '../../domain/faults.ts';
import { at, type Directory } from './directory.ts';

/** What notes of wavspool need at most; what is larger was put there by another. */
const MOST_TEXT_BYTES = 4 * 1024 * 1024;
/** What open(2) says of a link, and of a socket. */
const NO_FILE: ReadonlySet<string> = new Set(['ENOENT', 'ELOOP', 'ENXIO']);

/**
 * Opens the file of that name in a directory that may be another user's, to read it. Undefined where there is none, and where a link, a
 * directory or a pipe has the name: no link is followed, and no pipe is waited for. Throws what else the system says.
 */
export async function openPlainIn(
  directory: Pick<Directory, 'fd'>,
  name: string,
): Promise<FileHandle | undefined> {
  const { O_NOFOLLOW, O_NONBLOCK, O_RDONLY } = constants;
  let file: FileHandle;
  try {
    // oxlint-disable-next-line no-bitwise -- flags of open(2)
    file = await open(at(directory, name), O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
  } catch (error) {
    if (NO_FILE.has(errnoOf(error) ?? '')) return undefined;
    throw error;
  }
  try {
    if ((await file.stat()).isFile()) return file;
  } catch (error) {
    await file.close();
    throw error;
  }
  await file.close();
  return undefined;
}

/** The text of such a file; undefined also for one that is larger than any note of wavspool. */
export async function readPlainIn(
  directory: Pick<Directory, 'fd'>,
  name: string,
): Promise<string | undefined> {
  const file = await openPlainIn(directory, name);
  if (file === undefined) return undefined;
  try {
    return (await file.stat()).size > MOST_TEXT_BYTES ? undefined : await file.readFile('utf8');
  } finally {
    await file.close();
  }
}
