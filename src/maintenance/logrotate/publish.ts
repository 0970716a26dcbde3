import { rename, unlink } from 'node:fs/promises';
import { dirname } from 'node:path';
import { publishUnlessTaken, syncDirectory } from '../../platform/runtime/index.ts';
import { identityAt } from '../../platform/linux/index.ts';
import { putAside } from './put-aside.ts';
import type { OpenRotation, OwnFile } from './state-file.ts';

/**
 * Moves the older archives on and gives the new one its name. Safe to repeat after a crash at any moment, for a name is
 * touched only while it belongs to the file that was written down. False when the archive is gone: somebody has removed it.
 */
export async function publishArchive(
  { aged, shifts, temporary, archive, at }: OpenRotation,
  timezone: string,
): Promise<boolean> {
  await removeOwn(aged);
  for (const { path, file, to } of shifts) if ((await identityAt(path)) === file) await rename(path, to);
  const isNamed = async (): Promise<boolean> => (await identityAt(archive.path)) === archive.file;
  while (!(await isNamed())) {
    if ((await identityAt(temporary)) !== archive.file) return false;
    if (!publishUnlessTaken(temporary, archive.path)) await putAside(archive.path, at, timezone);
  }
  // a crash between link and unlink left both names
  if ((await identityAt(temporary)) === archive.file) await unlink(temporary);
  await syncDirectory(dirname(archive.path));
  if (dirname(temporary) !== dirname(archive.path)) await syncDirectory(dirname(temporary));
  return true;
}

/** Removes those files that still have their name. */
export async function removeOwn(files: readonly OwnFile[]): Promise<void> {
  for (const { path, file } of files) if ((await identityAt(path)) === file) await unlink(path);
  for (const directory of new Set(files.map(({ path }) => dirname(path)))) await syncDirectory(directory);
}
