import { stat } from 'node:fs/promises';
import type { Report } from '../events.ts';
import { errnoOf } from '../faults.ts';

/** Knows whether a directory is the one that it was when the guard was made: not gone, and not on another disk. */
export interface DirectoryGuard {
  /** False while it is away; its going and its coming back are reported once each. Throws what else stat says. */
  isThere(): Promise<boolean>;
}

/**
 * Guards a directory that must exist now. A disk that is unmounted leaves an empty directory behind: writing to it would fill
 * another disk, and every file in it would count as removed.
 */
export async function guardDirectory(directory: string, report: Report): Promise<DirectoryGuard> {
  const { dev } = await stat(directory);
  let away = false;
  return {
    isThere: async () => {
      const there = (await deviceOf(directory)) === dev;
      if (away !== there) return there;
      away = !there;
      if (there) report('directory back', { directory });
      else report('directory away', { directory });
      return there;
    },
  };
}

async function deviceOf(directory: string): Promise<number | undefined> {
  try {
    return (await stat(directory)).dev;
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}
