import { Buffer } from 'node:buffer';
import { randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import { chmod, open, readFile, readdir, rename, rmdir, unlink, type FileHandle } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { WavspoolError, errnoOf } from '../../domain/faults.ts';
import { O_PATH, at, openDirectory, type Directory } from './directory.ts';

const { O_DIRECTORY, O_NOFOLLOW, O_RDONLY } = constants;
const OWNER_MAY_ALL = 0o700;
/** Names that are removed at once. */
const AT_ONCE = 32;
/** Directories that are held open at once, one in the other; what lies deeper is moved up first. */
const DEEPEST = 24;
/** A directory that another process goes on filling is emptied so often; a killed rsync's last file is in it by then. */
const ATTEMPTS = 20;
const AGAIN_MS = 50;

/**
 * Removes what has the name `path`, a whole tree too, also one with directories that their owner may not write to and one in
 * which a process still writes a last file. It works on descriptors: no link is followed, and whatever the tree's owner swaps
 * meanwhile, nothing goes but what lies in the tree. What is mounted in it stays, and ends it. Nothing there is no error.
 * Throws PATH_UNSAFE, or what the system says.
 */
export async function removeTree(path: string): Promise<void> {
  await using parent = await openDirectory(dirname(path));
  await removeIn(parent, basename(path));
}

/** As {@link removeTree}, of a name in an open directory. */
export async function removeIn(parent: Directory, name: string): Promise<void> {
  const place = { fd: parent.fd, depth: 0, mount: await mountOf(parent.fd) };
  await removeName(place, Buffer.from(name));
}

/** A directory in which names are removed. */
interface Place {
  readonly fd: number;
  readonly depth: number;
  readonly mount: string;
  /** The top of the tree, to which what lies too deep is moved; undefined in the directory that the tree lies in. */
  readonly top?: Top;
}

interface Top {
  readonly fd: number;
  /** How many directories were moved up to it. */
  moved: number;
}

type Outcome = 'gone' | 'changed' | 'not empty';

async function removeName(place: Place, name: Buffer): Promise<void> {
  for (let attempt = 1; attempt <= ATTEMPTS; attempt += 1) {
    const outcome = await removeOnce(place, name);
    if (outcome === 'gone') return;
    if (outcome === 'not empty') await sleep(AGAIN_MS);
  }
  const path = at(place, name).toString();
  throw new WavspoolError('PATH_UNSAFE', `${path}: another process goes on putting things into it`);
}

/** `changed`: it is something else now than it was a moment ago. */
async function removeOnce(place: Place, name: Buffer): Promise<Outcome> {
  const path = at(place, name);
  const directory = await openToEmpty(path);
  if (directory === undefined) return unlinked(path);
  await using own = directory;
  if ((await mountOf(own.fd)) !== place.mount)
    throw new WavspoolError('PATH_UNSAFE', `${path.toString()} is mounted there, so it is not removed`);
  if (place.depth >= DEEPEST && place.top !== undefined) return await movedUp(path, place.top);
  const top = place.top ?? { fd: own.fd, moved: 0 };
  const below = { fd: own.fd, depth: place.depth + 1, mount: place.mount, top };
  let movedBefore: number;
  do {
    movedBefore = top.moved;
    await empty(below);
  } while (top.fd === own.fd && top.moved > movedBefore); // what was moved up lies in it now
  return await removedDirectory(path);
}

async function empty(place: Place): Promise<void> {
  const directory = `/proc/self/fd/${place.fd}`;
  const entries = await readdir(directory, { withFileTypes: true, encoding: 'buffer' });
  const files = entries.filter((entry) => !entry.isDirectory());
  for (let from = 0; from < files.length; from += AT_ONCE) {
    await Promise.all(files.slice(from, from + AT_ONCE).map(({ name }) => removeFile(place, name)));
  }
  for (const entry of entries) if (entry.isDirectory()) await removeName(place, entry.name);
}

async function removeFile(place: Place, name: Buffer): Promise<void> {
  if ((await unlinked(at(place, name))) !== 'gone') await removeName(place, name);
}

/** The directory of that name, opened so that it can be emptied; undefined when it is none, or not there. */
async function openToEmpty(path: Buffer): Promise<FileHandle | undefined> {
  try {
    return await openedUp(await open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW).catch(unlessClosed));
  } catch (error) {
    if (['ENOENT', 'ENOTDIR', 'ELOOP'].includes(errnoOf(error) ?? '')) return undefined;
    throw error;
  }

  async function unlessClosed(error: unknown): Promise<FileHandle> {
    if (errnoOf(error) !== 'EACCES') throw error;
    await using place = await open(path, O_PATH | O_DIRECTORY | O_NOFOLLOW);
    await chmod(`/proc/self/fd/${place.fd}`, OWNER_MAY_ALL); // the directory behind the descriptor, not the name's
    return await open(`/proc/self/fd/${place.fd}/.`, O_RDONLY | O_DIRECTORY);
  }
}

/** Root needs no right; an owner who may not write to his directory gives himself the right. */
async function openedUp(handle: FileHandle): Promise<FileHandle> {
  try {
    const { uid, mode } = await handle.stat();
    if (uid === process.geteuid?.() && uid !== 0 && (mode & OWNER_MAY_ALL) !== OWNER_MAY_ALL)
      await handle.chmod(OWNER_MAY_ALL);
    return handle;
  } catch (error) {
    await handle.close();
    throw error;
  }
}

async function unlinked(path: Buffer): Promise<'gone' | 'changed'> {
  try {
    await unlink(path);
    return 'gone';
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return 'gone';
    if (errnoOf(error) === 'EISDIR') return 'changed';
    throw error;
  }
}

async function removedDirectory(path: Buffer): Promise<'gone' | 'changed' | 'not empty'> {
  try {
    await rmdir(path);
    return 'gone';
  } catch (error) {
    const errno = errnoOf(error);
    if (errno === 'ENOENT') return 'gone';
    if (errno === 'ENOTDIR') return 'changed';
    if (errno === 'ENOTEMPTY' || errno === 'EEXIST') return 'not empty';
    throw error;
  }
}

/** Moves a directory that lies too deep to the top of the tree, under a name that is free. */
async function movedUp(path: Buffer, top: Top): Promise<Outcome> {
  const name = `.wavspool-deep-${randomBytes(8).toString('hex')}`;
  try {
    await rename(path, at(top, name));
    top.moved += 1;
    return 'gone';
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return 'changed';
    throw error;
  }
}

async function mountOf(fd: number): Promise<string> {
  const info = await readFile(`/proc/self/fdinfo/${fd}`, 'latin1');
  return /^mnt_id:\s*(\d+)$/m.exec(info)?.[1] ?? '';
}
