import { randomUUID } from 'node:crypto';
import { constants } from 'node:fs';
import { link, lstat, open, rename, unlink, type FileHandle } from 'node:fs/promises';
import { TEMPORARY_PREFIX } from '../runtime/index.ts';
import { errnoOf, unlessGone } from '../../domain/faults.ts';
import { at, isOurs } from './directory.ts';

/** The file in a directory that says which directory it is, to processes of other hosts that see the same path. */
export const DIRECTORY_ID = '.wavspool.id';

const { O_DIRECTORY, O_NOFOLLOW, O_NONBLOCK, O_RDONLY } = constants;
const GROUP_OR_OTHERS_MAY_WRITE = 0o022;
const LONGEST = 64;
const UUID = /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/;

/**
 * The id of `directory`; undefined where it has none, and where the directory is not there. One that another user has put there, or
 * may change, is none (P13). Throws what the system says.
 */
export async function readDirectoryId(directory: string): Promise<string | undefined> {
  return withHandle(directory, (handle) => idIn(handle, DIRECTORY_ID));
}

/**
 * Gives `directory` that id, or a new one, unless it has one; resolves with the one that it has then, the same for all who try at once.
 * What another user has put under the file's name is removed. Undefined where the directory is not there. Throws what the system says:
 * EROFS, EACCES, EISDIR.
 */
export async function ensureDirectoryId(directory: string, id?: string): Promise<string | undefined> {
  return withHandle(directory, async (handle) => {
    const wanted = id ?? randomUUID();
    for (;;) {
      const found = await idIn(handle, DIRECTORY_ID);
      if (found !== undefined) return found;
      if (await publish(handle, wanted)) return wanted;
      await removeStrange(handle);
    }
  });
}

/** Gives the file its name unless that is taken. */
async function publish(directory: FileHandle, id: string): Promise<boolean> {
  const place = { fd: directory.fd };
  const temporary = at(place, `${TEMPORARY_PREFIX}${randomUUID()}`);
  try {
    await write(temporary, `${id}\n`);
    await link(temporary, at(place, DIRECTORY_ID));
    await directory.sync();
    return true;
  } catch (error) {
    if (errnoOf(error) !== 'EEXIST') throw error;
    return false;
  } finally {
    await unlink(temporary).catch(unlessGone);
  }
}

/** Removes what has the name and is no id. It is moved aside first: an id that another process has just put there is put back. */
async function removeStrange(directory: FileHandle): Promise<void> {
  const place = { fd: directory.fd };
  if ((await idIn(directory, DIRECTORY_ID)) !== undefined) return;
  const aside = `${TEMPORARY_PREFIX}${randomUUID()}`;
  const stats = await lstat(at(place, DIRECTORY_ID)).catch(unlessGone);
  if (stats === undefined) return;
  // a directory may hold anything: it stays, and is told of
  if (stats.isDirectory())
    throw Object.assign(new Error(`EISDIR: ${DIRECTORY_ID} is a directory`), { code: 'EISDIR' });
  await rename(at(place, DIRECTORY_ID), at(place, aside)).catch(unlessGone);
  try {
    if ((await idIn(directory, aside)) !== undefined) await link(at(place, aside), at(place, DIRECTORY_ID));
  } catch (error) {
    if (errnoOf(error) !== 'EEXIST') throw error; // another process was quicker: its id counts
  } finally {
    await unlink(at(place, aside)).catch(unlessGone);
  }
}

async function withHandle<T>(
  directory: string,
  use: (handle: FileHandle) => Promise<T | undefined>,
): Promise<T | undefined> {
  // oxlint-disable-next-line no-bitwise -- flags of open(2)
  const handle = await open(directory, O_RDONLY | O_DIRECTORY).catch(unlessGone);
  if (handle === undefined) return undefined;
  try {
    return await use(handle);
  } finally {
    await handle.close();
  }
}

async function idIn(directory: FileHandle, name: string): Promise<string | undefined> {
  // oxlint-disable-next-line no-bitwise -- flags of open(2); the open of a FIFO under that name does not wait
  const flags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK;
  let file: FileHandle | undefined;
  try {
    file = await open(at({ fd: directory.fd }, name), flags);
    const stats = await file.stat();
    // oxlint-disable-next-line no-bitwise -- a file's mode
    const isTrusted = stats.isFile() && isOurs(stats.uid) && (stats.mode & GROUP_OR_OTHERS_MAY_WRITE) === 0;
    if (!isTrusted || stats.size > LONGEST) return undefined;
    const text = (await file.readFile('utf8')).trim();
    return UUID.test(text) ? text : undefined;
  } catch (error) {
    // ELOOP: a link, ENXIO: a socket; EACCES: a file of another user's
    if (['ENOENT', 'ELOOP', 'ENXIO', 'EACCES'].includes(errnoOf(error) ?? '')) return undefined;
    throw error;
  } finally {
    await file?.close();
  }
}

async function write(path: string, text: string): Promise<void> {
  const file = await open(path, 'wx', 0o644);
  try {
    await file.chmod(0o644); // other users of this site read it, whatever the umask
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
}
