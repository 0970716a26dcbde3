import { rename, symlink } from 'node:fs/promises';
import { basename } from 'node:path';
import { temporaryPath } from '../runtime/index.ts';
import { at, syncedIn, type Directory } from './directory.ts';
import { removeIn } from './remove-tree.ts';

/** Moves the symlink `name` of an open directory as a whole: a reader finds the old target or the new one. Safe to repeat. */
export async function pointSymlink(directory: Directory, name: string, target: string): Promise<void> {
  const temporary = basename(temporaryPath(directory.path));
  await symlink(target, at(directory, temporary));
  try {
    await rename(at(directory, temporary), at(directory, name));
  } finally {
    await removeIn(directory, temporary);
  }
  await syncedIn(directory);
}
