import { rename } from 'node:fs/promises';
import { basename } from 'node:path';
import { at, removeIn, syncedIn, type Directory } from '../../platform/linux/index.ts';
import { temporaryPath } from '../../platform/runtime/index.ts';

/**
 * Removes a mirror from its open directory. It loses its name first, so that a crash leaves no half of one that could be taken
 * for a whole. The owners of files and directories in it may swap what they like meanwhile: nothing goes but what lies in it.
 */
export async function removeMirror(dir: Directory, name: string): Promise<void> {
  const doomed = basename(temporaryPath(dir.path));
  await rename(at(dir, name), at(dir, doomed));
  await syncedIn(dir);
  await removeIn(dir, doomed);
}
