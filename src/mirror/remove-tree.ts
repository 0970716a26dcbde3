import { chmod, lstat, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { errnoOf } from '../faults.ts';
import { syncDirectory, temporaryPath } from '../runtime/index.ts';
import { bytePath, onDisk, walk } from './walk.ts';

const OWNER_MAY_ALL = 0o700;

/** Removes a mirror. It loses its name first, so that a crash leaves no half of one that could be taken for a whole. */
export async function removeMirror(path: string): Promise<void> {
  const doomed = temporaryPath(dirname(path));
  await rename(path, doomed);
  await syncDirectory(dirname(path));
  await removeTree(doomed);
}

/**
 * Removes a tree, also one with directories that its owner may not write to, and one in which an rsync whose wavspool was
 * killed still writes its last file. Throws what the system says.
 */
export async function removeTree(path: string): Promise<void> {
  try {
    await remove(path);
  } catch (error) {
    if (errnoOf(error) !== 'EACCES') throw error;
    await openUp(path);
    await remove(path);
  }
}

async function remove(path: string): Promise<void> {
  await rm(path, { recursive: true, force: true, maxRetries: 20, retryDelay: 50 });
}

async function openUp(path: string): Promise<void> {
  const root = bytePath(path);
  if ((await lstat(path)).isDirectory()) await chmod(path, OWNER_MAY_ALL);
  for await (const { path: below, stats } of walk(root)) {
    if (stats.isDirectory()) await chmod(onDisk(`${root}/${below}`), OWNER_MAY_ALL);
  }
}
