import { opendir } from 'node:fs/promises';
import { errnoOf } from '../../domain/faults.ts';

/** Entries that are read at once: a directory can hold a million. */
const AT_ONCE = 1024;

/**
 * Every regular file below `root`, or directly in it, in no order, without following symbolic links. What vanishes on the way is
 * passed over, because others may tidy up meanwhile, and so is a directory that is closed to us: the user who closed it must not end
 * what is done for all. Throws what else the system says, and what it says of `root`.
 */
export async function* filesBelow(
  root: string,
  { recursive }: { readonly recursive: boolean } = { recursive: true },
): AsyncGenerator<{ readonly directory: string; readonly name: string }, void, undefined> {
  const directories = [root];
  for (let directory = directories.pop(); directory !== undefined; directory = directories.pop()) {
    try {
      for await (const entry of await opendir(directory, { bufferSize: AT_ONCE })) {
        if (entry.isDirectory() && recursive) directories.push(`${directory}/${entry.name}`);
        if (entry.isFile()) yield { directory, name: entry.name };
      }
    } catch (error) {
      if (directory === root || !['ENOENT', 'ENOTDIR', 'EACCES'].includes(errnoOf(error) ?? '')) throw error;
    }
  }
}
