import type { BigIntStats } from 'node:fs';
import { lstat } from 'node:fs/promises';
import { errnoOf } from '../../domain/faults.ts';

/** Which file it is, whatever its name: device and inode. */
export type FileIdentity = string;

export function identityOf({ dev, ino }: Pick<BigIntStats, 'dev' | 'ino'>): FileIdentity {
  return `${dev}:${ino}`;
}

/** The identity of what has that name, a symbolic link's own; undefined when there is nothing. */
export async function identityAt(path: string): Promise<FileIdentity | undefined> {
  try {
    return identityOf(await lstat(path, { bigint: true }));
  } catch (error) {
    if (errnoOf(error) === 'ENOENT' || errnoOf(error) === 'ENOTDIR') return undefined;
    throw error;
  }
}
