import { Buffer } from 'node:buffer';
import { constants, type Stats } from 'node:fs';
import { lstat, mkdir, open, readlink, type FileHandle } from 'node:fs/promises';
import { resolve } from 'node:path';
import { WavspoolError, errnoOf } from '../../domain/faults.ts';

// P13: in a directory that others may write, a path names another file from one call to the next. Node has no openat(2), but
// `/proc/self/fd/<n>/<name>` is looked up in the directory behind the descriptor n, whatever has become of its name.

/** A directory that stays the same one whatever its path comes to name. Closing it is its holder's. */
export interface Directory extends AsyncDisposable {
  /** Where it was found: for messages, not for work. */
  readonly path: string;
  readonly fd: number;
  /** For its mode, owner and sync; all of them act on the directory itself. */
  readonly handle: FileHandle;
}

const { O_DIRECTORY, O_NOFOLLOW, O_RDONLY } = constants;
/** open(2): a descriptor that only names a place; it needs no right to read. Node does not list it. */
export const O_PATH = 0o10000000;
/** As many links as Linux follows in one path. */
export const MOST_LINKS = 40;
const OTHERS_MAY_WRITE = 0o002;
const GROUP_MAY_WRITE = 0o020;
const STICKY = 0o1000;

/** The path of `name` in an open directory, for any call of node:fs that does not follow a link at its end. */
export function at(directory: Pick<Directory, 'fd'>, name: string): string;
export function at(directory: Pick<Directory, 'fd'>, name: Buffer): Buffer;
export function at(directory: Pick<Directory, 'fd'>, name: string | Buffer): string | Buffer {
  const text = name.toString('latin1');
  if (text === '' || text === '.' || text === '..' || text.includes('/'))
    throw new RangeError(`${JSON.stringify(text)} is no name in a directory`);
  const prefix = `/proc/self/fd/${directory.fd}/`;
  return typeof name === 'string' ? prefix + name : Buffer.concat([Buffer.from(prefix), name]);
}

/**
 * Opens the directory at `path`, step by step. A link is followed only where root or this user alone can have put it;
 * with `makeMode` the directories that are missing are made. Throws PATH_UNSAFE, or what the system says (ENOENT, ENOTDIR,
 * EACCES).
 */
export async function openDirectory(
  path: string,
  { makeMode }: { readonly makeMode?: number } = {},
): Promise<Directory> {
  const absolute = resolve(path);
  let ahead = partsOf(absolute);
  let here = await openRoot(ahead.length === 0);
  try {
    for (let links = 0; ;) {
      const name = ahead.shift();
      if (name === undefined) return asDirectory(absolute, here);
      const next = await step(here, name, { isLast: ahead.length === 0, makeMode });
      if (next.kind === 'link') {
        links += 1;
        await allowLink(absolute, here, name, links);
        ahead = [...partsOf(next.target), ...ahead];
        if (!next.target.startsWith('/')) {
          if (ahead.length > 0) continue;
          ahead = ['.']; // a link to the directory that it lies in
          continue;
        }
        await here.close();
        here = await openRoot(ahead.length === 0);
      } else {
        await here.close();
        here = next.handle;
      }
    }
  } catch (error) {
    await here.close();
    throw error;
  }
}

/** Opens the directory of that name in an open one, never through a link. Throws ENOTDIR for anything else. */
export async function openBelow(directory: Directory, name: string): Promise<Directory> {
  const handle = await open(at(directory, name), O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
  return asDirectory(`${directory.path}/${name}`, handle);
}

/** Opens the directory at `path` as {@link openDirectory} does, for the time of `use`. */
export async function withDirectory<T>(path: string, use: (directory: Directory) => Promise<T>): Promise<T> {
  await using directory = await openDirectory(path);
  return await use(directory);
}

/** Makes the names in an open directory survive a power loss. */
export async function syncedIn(directory: Directory): Promise<void> {
  await directory.handle.sync();
}

/**
 * Whether another user than root and this one may put other files under the names in a directory of these stats. In a sticky
 * one (`/tmp`) he may not touch what is not his; root's group and this user's own count as this user.
 */
export function mayBeChangedByOthers({ uid, gid, mode }: Pick<Stats, 'uid' | 'gid' | 'mode'>): boolean {
  if (!isOurs(uid)) return true;
  if ((mode & STICKY) !== 0) return false;
  if ((mode & OTHERS_MAY_WRITE) !== 0) return true;
  return (mode & GROUP_MAY_WRITE) !== 0 && gid !== 0 && gid !== process.getegid?.();
}

type Step =
  | { readonly kind: 'directory'; readonly handle: FileHandle }
  | { readonly kind: 'link'; readonly target: string };

interface Stepping {
  readonly isLast: boolean;
  readonly makeMode: number | undefined;
}

async function step(here: FileHandle, name: string, stepping: Stepping): Promise<Step> {
  // the last one is read and synced; for those on the way the right to pass through is enough
  const flags = (stepping.isLast ? O_RDONLY : O_PATH) | O_DIRECTORY | O_NOFOLLOW;
  const path = `/proc/self/fd/${here.fd}/${name}`; // `..` too: it is where the kernel says it is
  try {
    return { kind: 'directory', handle: await open(path, flags) };
  } catch (error) {
    if (errnoOf(error) === 'ENOENT' && stepping.makeMode !== undefined) {
      await make(here, path, stepping.makeMode);
      return step(here, name, { ...stepping, makeMode: undefined });
    }
    if (errnoOf(error) !== 'ENOTDIR' && errnoOf(error) !== 'ELOOP') throw error;
    const target = await linkTarget(path);
    if (target === undefined) throw error;
    return { kind: 'link', target };
  }
}

async function make(here: FileHandle, path: string, mode: number): Promise<void> {
  try {
    await mkdir(path, { mode });
  } catch (error) {
    if (errnoOf(error) !== 'EEXIST') throw error; // another process was quicker: what it is shows when it is opened
  }
  // a descriptor that only names a place cannot be synced
  await using parent = await open(`/proc/self/fd/${here.fd}/.`, O_RDONLY | O_DIRECTORY);
  await parent.sync();
}

async function linkTarget(path: string): Promise<string | undefined> {
  try {
    return await readlink(path);
  } catch (error) {
    if (errnoOf(error) === 'EINVAL') return undefined; // no link
    throw error;
  }
}

async function allowLink(path: string, here: FileHandle, name: string, links: number): Promise<void> {
  if (links > MOST_LINKS) throw new WavspoolError('PATH_UNSAFE', `${path} goes through too many links`);
  const link = await lstat(`/proc/self/fd/${here.fd}/${name}`);
  if (isOurs(link.uid) && !mayBeChangedByOthers(await here.stat())) return;
  throw new WavspoolError(
    'PATH_UNSAFE',
    `${path}: ${name} in it is a link in a directory that others may write, so it is not followed`,
  );
}

export function isOurs(uid: number): boolean {
  return uid === 0 || uid === process.geteuid?.();
}

function openRoot(isLast: boolean): Promise<FileHandle> {
  return open('/', (isLast ? O_RDONLY : O_PATH) | O_DIRECTORY);
}

/** The names in a path. */
export function partsOf(path: string): string[] {
  return path.split('/').filter((part) => part !== '' && part !== '.');
}

function asDirectory(path: string, handle: FileHandle): Directory {
  return { path, fd: handle.fd, handle, [Symbol.asyncDispose]: () => handle.close() };
}
