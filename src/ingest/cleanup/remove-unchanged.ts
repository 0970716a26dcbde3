import { createHash, randomBytes } from 'node:crypto';
import { constants, type BigIntStats } from 'node:fs';
import { link, lstat, open, rename, unlink, type FileHandle } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { errnoOf, messageOf } from '../../domain/faults.ts';
import { at, openDirectory, type Directory } from '../../platform/linux/index.ts';

export type Removal = 'removed' | 'absent' | 'changed';

/** A file that is to go, and what it is called on its way out: hidden, in its own directory, a name that no program can foretell. */
export interface OnItsWayOut {
  readonly path: string;
  readonly aside: string;
}

const { O_NOFOLLOW, O_NONBLOCK, O_RDONLY } = constants;

/** It has neither gone nor its name back: {@link putBack} gives it that later. */
export class StillAside extends Error {
  constructor({ path, aside }: OnItsWayOut, cause: unknown) {
    super(`${path} was to go and is now ${aside} in its directory: ${messageOf(cause)}`, { cause });
  }
}

/** How that file is to go. */
export function onItsWayOut(path: string): OnItsWayOut {
  return { path, aside: `.wavspool-${randomBytes(16).toString('hex')}` };
}

/**
 * Removes the file when its bytes have this SHA-256:
 *  1. its directory is opened, through no link that others can have put there; all that follows happens in that directory (P13)
 *  2. the file is opened and hashed
 *  3. its name is moved aside, so that what another program puts under it meanwhile stays
 *  4. what was moved is the file that was hashed, unchanged: it goes. Else it gets its name back.
 * A crash after 3 leaves the name that {@link putBack} knows. Throws StillAside behind 3; before it PATH_UNSAFE, or what the system says.
 */
export async function removeIfUnchanged(way: OnItsWayOut, sha256: string): Promise<Removal> {
  const opened = await openIfThere(way);
  if (opened === undefined) return 'absent';
  await using resources = new AsyncDisposableStack();
  const { directory } = opened;
  resources.use(directory);
  const file = resources.use(opened.file);
  const before = await file.stat({ bigint: true });
  if (!before.isFile()) return 'absent';
  if ((await hashOf(file)) !== sha256) return 'changed';
  await rename(at(directory, basename(way.path)), at(directory, way.aside));
  try {
    const moved = await lstat(at(directory, way.aside), { bigint: true });
    if (!isSame(moved, before)) {
      await backToItsName(directory, way);
      return 'changed';
    }
    await unlink(at(directory, way.aside));
    return 'removed';
  } catch (error) {
    throw new StillAside(way, error);
  }
}

/** Gives a file that a crash left on its way out its name back; false when there is none. Throws what the system says. */
export async function putBack(way: OnItsWayOut): Promise<boolean> {
  await using directory = await openDirectory(dirname(way.path)).catch(unlessAbsent);
  if (directory === undefined) return false;
  if ((await lstat(at(directory, way.aside)).catch(unlessAbsent)) === undefined) return false;
  await backToItsName(directory, way);
  return true;
}

/** link(2), for it never replaces a file that has come to the name meanwhile: then it gets a name beside it. */
async function backToItsName(directory: Directory, { path, aside }: OnItsWayOut): Promise<void> {
  const name = basename(path);
  try {
    await link(at(directory, aside), at(directory, name));
  } catch (error) {
    if (errnoOf(error) !== 'EEXIST') throw error;
    await link(at(directory, aside), at(directory, `${name.slice(0, 100)}.${aside.slice(-12)}`));
  }
  await unlink(at(directory, aside));
}

async function openIfThere({
  path,
}: OnItsWayOut): Promise<{ directory: Directory; file: FileHandle } | undefined> {
  const directory = await openDirectory(dirname(path)).catch(unlessAbsent);
  if (directory === undefined) return undefined;
  try {
    // non-blocking: the open of a pipe without a writer would wait for ever
    // oxlint-disable-next-line no-bitwise -- flags of open(2)
    const flags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK;
    const file = await open(at(directory, basename(path)), flags).catch(unlessAbsent);
    if (file !== undefined) return { directory, file };
  } catch (error) {
    await directory[Symbol.asyncDispose]();
    throw error;
  }
  await directory[Symbol.asyncDispose]();
  return undefined;
}

/** A link is no file of ours either. */
function unlessAbsent(error: unknown): undefined {
  if (!['ENOENT', 'ENOTDIR', 'ELOOP'].includes(errnoOf(error) ?? '')) throw error;
  return undefined;
}

async function hashOf(file: FileHandle): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of file.createReadStream({ autoClose: false, start: 0 }))
    hash.update(chunk as Buffer);
  return hash.digest('hex');
}

/** Whether it is that file and has not been written to since: the renaming changes its ctime alone. */
function isSame(a: BigIntStats, b: BigIntStats): boolean {
  return a.dev === b.dev && a.ino === b.ino && a.size === b.size && a.mtimeNs === b.mtimeNs;
}
