import { lstat, readdir, rename, symlink } from 'node:fs/promises';
import { basename } from 'node:path';
import { WavspoolError, unlessGone } from '../faults.ts';
import { at, removeIn, syncedIn, type Directory } from '../linux/index.ts';
import { temporaryPath } from '../runtime/index.ts';
import { LATEST } from './names.ts';

/** Every name in an open directory. */
export async function namesIn({ fd }: Directory): Promise<readonly string[]> {
  return readdir(`/proc/self/fd/${fd}`);
}

/** Moves the symlink as a whole: whoever reads it finds the old one or the new one. */
export async function pointLatestAt(name: string, dir: Directory): Promise<void> {
  const temporary = basename(temporaryPath(dir.path));
  await symlink(name, at(dir, temporary));
  try {
    await rename(at(dir, temporary), at(dir, LATEST));
  } finally {
    await removeIn(dir, temporary);
  }
  await syncedIn(dir);
}

/** Throws MIRROR_DIRECTORY where something that is no symlink has the name `latest`. */
export async function refuseOtherLatest(dir: Directory): Promise<void> {
  const latest = await lstat(at(dir, LATEST)).catch(unlessGone);
  if (latest?.isSymbolicLink() === false)
    throw new WavspoolError('MIRROR_DIRECTORY', `${dir.path}/${LATEST} is no symlink: move it away`);
}
