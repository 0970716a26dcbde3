import { link, unlink } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { errnoOf } from '../../domain/faults.ts';
import { backupName } from './names.ts';

/**
 * Gives way to an archive without overwriting: what has the name gets logrotate's `-YYYYMMDDHH.backup`, with a number behind
 * it if need be. Returns that name, or undefined when nothing has the name any more.
 */
export async function putAside(path: string, now: number, timezone: string): Promise<string | undefined> {
  const backup = join(dirname(path), backupName(basename(path), now, timezone));
  for (let number = 1; ; number += 1) {
    const target = number === 1 ? backup : `${backup}.${number}`;
    try {
      await link(path, target);
      await unlink(path);
      return target;
    } catch (error) {
      if (errnoOf(error) === 'ENOENT') return undefined;
      if (errnoOf(error) !== 'EEXIST') throw error;
    }
  }
}
