import { lstat, realpath, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { errnoOf } from '../../domain/faults.ts';
import { identityOf, mayBeChangedByOthers, type FileIdentity } from '../../platform/linux/index.ts';

const OF_A_DATABASE = ['', '-wal', '-shm', '-journal'];

/** The files of the databases at these paths, under whatever name one meets them: no copy takes their place, none of them goes. */
export async function liveFiles(paths: readonly string[]): Promise<ReadonlySet<FileIdentity>> {
  const found = new Set<FileIdentity>();
  for (const path of paths) {
    for (const part of OF_A_DATABASE) {
      const stats = await stat(path + part, { bigint: true }).catch(unlessHidden);
      if (stats !== undefined) found.add(identityOf(stats));
    }
  }
  return found;
}

/** A path with its symlinks resolved, as far as it is there: the identity of a database in the records of its copies. */
export async function resolvedPath(path: string): Promise<string> {
  return (await realpath(path).catch(unlessHidden)) ?? path;
}

/** Whether root and this user alone can make `path` another directory than the one it is now. */
export async function isOurs(path: string): Promise<boolean> {
  for (let here = await realpath(path); ; here = dirname(here)) {
    if (mayBeChangedByOthers(await lstat(here))) return false;
    if (here === '/') return true;
  }
}

function unlessHidden(error: unknown): undefined {
  if (['ENOENT', 'ENOTDIR', 'EACCES', 'ELOOP'].includes(errnoOf(error) ?? '')) return undefined;
  throw error;
}
