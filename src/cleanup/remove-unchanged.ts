import { link, lstat, mkdir, rename, rmdir, unlink } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { errnoOf } from '../faults.ts';
import { filesBelow, sha256OfFile } from '../runtime/index.ts';

/** A file waits in it, beside its own place, while it is hashed for the last time. Hidden, so arrival finds no tar in it. */
const REMOVING = '.wavspool-removing';

export type Removal = 'removed' | 'absent' | 'changed';

/**
 * Removes the file when its bytes have this SHA-256. It is moved out of the way first and hashed there, so that what somebody
 * puts under its name meanwhile stays; a file that turns out to be another gets its name back. Throws what the system says.
 */
export async function removeIfUnchanged(path: string, sha256: string): Promise<Removal> {
  if (!(await isFile(path))) return 'absent';
  const directory = join(dirname(path), REMOVING);
  const aside = join(directory, basename(path));
  await mkdir(directory, { recursive: true, mode: 0o700 });
  try {
    await rename(path, aside);
    if ((await sha256OfFile(aside)) === sha256) {
      await unlink(aside);
      return 'removed';
    }
    await putBack(aside, path);
    return 'changed';
  } finally {
    await removeIfEmpty(directory);
  }
}

/** Gives files below `root` that a crash left on their way out their places back; returns how many. */
export async function putBackInterrupted(root: string): Promise<number> {
  let restored = 0;
  for await (const { directory, name } of filesBelow(root)) {
    if (basename(directory) !== REMOVING) continue;
    await putBack(join(directory, name), join(dirname(directory), name));
    await removeIfEmpty(directory);
    restored += 1;
  }
  return restored;
}

/** link(2), for it never replaces a file that has come to the name meanwhile; then both stay. */
async function putBack(aside: string, path: string): Promise<void> {
  try {
    await link(aside, path);
  } catch (error) {
    if (errnoOf(error) !== 'EEXIST') throw error;
    return;
  }
  await unlink(aside);
}

async function removeIfEmpty(directory: string): Promise<void> {
  try {
    await rmdir(directory);
  } catch (error) {
    if (errnoOf(error) !== 'ENOTEMPTY' && errnoOf(error) !== 'ENOENT') throw error; // another removal is at it
  }
}

async function isFile(path: string): Promise<boolean> {
  try {
    return (await lstat(path)).isFile();
  } catch (error) {
    if (errnoOf(error) === 'ENOENT' || errnoOf(error) === 'ENOTDIR') return false;
    throw error;
  }
}
