import { rename } from 'node:fs/promises';
import { dirname } from 'node:path';
import { removeTree } from '../linux/index.ts';
import { syncDirectory, temporaryPath } from '../runtime/index.ts';

/** Removes a mirror. It loses its name first, so that a crash leaves no half of one that could be taken for a whole. */
export async function removeMirror(path: string): Promise<void> {
  const doomed = temporaryPath(dirname(path));
  await rename(path, doomed);
  await syncDirectory(dirname(path));
  await removeTree(doomed);
}
