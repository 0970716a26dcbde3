import { stat, statfs } from 'node:fs/promises';
import { effectiveDatabases, type Settings } from '../../platform/config/index.ts';
import { messageOf, unlessGone } from '../../domain/faults.ts';
import { roundedSize } from '../../platform/runtime/index.ts';
import { nearestThere } from './directory-finding.ts';
import type { Finding } from './finding.ts';

const FEWEST_INODES = 10_000;

/** Whether the disk of each directory of copies has room for the next one of the largest database that is copied to it. */
export async function copiesRoom(
  settings: Pick<Settings, 'databases' | 'paths' | 'state'>,
  directories: readonly string[],
): Promise<Finding[]> {
  const databases = effectiveDatabases(settings);
  return Promise.all(
    directories.map(async (directory) => {
      const name = `disk of the copies in ${directory}`;
      const remedy = 'without room no copy is made: free some space, or keep fewer';
      try {
        const sources = databases.filter(({ snapshots }) => snapshots.some(({ dir }) => dir === directory));
        const needed = Math.max(0, ...(await Promise.all(sources.map(({ path }) => bytesOf(path)))));
        const disk = await statfs(await nearestThere(directory));
        const free = disk.bavail * disk.bsize;
        const inodesShort = disk.files > 0 && disk.ffree < FEWEST_INODES;
        const next = needed === 0 ? '' : `; the next copy needs ${roundedSize(needed)}`;
        const found = `${roundedSize(free)} and ${disk.ffree} inodes free${next}`;
        return { name, ok: free > needed && !inodesShort, found, remedy };
      } catch (error) {
        return { name, ok: false, found: messageOf(error), remedy: 'mount it, or correct the path' };
      }
    }),
  );
}

/** With what its WAL holds; 0 for one that is not there. */
async function bytesOf(database: string): Promise<number> {
  const parts = await Promise.all(['', '-wal'].map((part) => stat(database + part).catch(unlessGone)));
  return parts.reduce((sum, part) => sum + (part?.size ?? 0), 0);
}
