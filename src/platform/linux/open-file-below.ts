import { closeSync, constants, openSync } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';
import { O_PATH } from './directory.ts';

const { O_DIRECTORY, O_NOFOLLOW } = constants;

/**
 * Opens the file at `parts` below the directory `root`, each part looked up in the one before it and no link followed: a user who may
 * write below `root` cannot lead it elsewhere. `root` itself is taken at its word. Throws what the system says: ENOTDIR or ELOOP
 * where a link is in the way.
 */
export async function openFileBelow(
  root: string,
  parts: readonly string[],
  flags: number,
): Promise<FileHandle> {
  const [name] = parts.slice(-1);
  if (name === undefined || parts.some((part) => part === '' || part === '.' || part === '..'))
    throw new RangeError(`${parts.join('/')} is no path below a directory`);
  // oxlint-disable no-bitwise -- flags of open(2)
  let here = await open(root, O_PATH | O_DIRECTORY);
  try {
    for (const part of parts.slice(0, -1)) {
      const next = await open(`/proc/self/fd/${here.fd}/${part}`, O_PATH | O_DIRECTORY | O_NOFOLLOW);
      await here.close();
      here = next;
    }
    return await open(`/proc/self/fd/${here.fd}/${name}`, flags | O_NOFOLLOW);
  } finally {
    await here.close();
  }
  // oxlint-enable no-bitwise
}

/** As {@link openFileBelow}, without waiting: for what is opened once for each recording. Returns a descriptor, which the caller closes. */
export function openFileBelowNow(root: string, parts: readonly string[], flags: number): number {
  const [name] = parts.slice(-1);
  if (name === undefined || parts.some((part) => part === '' || part === '.' || part === '..'))
    throw new RangeError(`${parts.join('/')} is no path below a directory`);
  // oxlint-disable no-bitwise -- flags of open(2)
  let here = openSync(root, O_PATH | O_DIRECTORY);
  try {
    for (const part of parts.slice(0, -1)) {
      const next = openSync(`/proc/self/fd/${here}/${part}`, O_PATH | O_DIRECTORY | O_NOFOLLOW);
      closeSync(here);
      here = next;
    }
    return openSync(`/proc/self/fd/${here}/${name}`, flags | O_NOFOLLOW);
  } finally {
    closeSync(here);
  }
  // oxlint-enable no-bitwise
}
