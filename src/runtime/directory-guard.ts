import { statSync } from 'node:fs';
import type { Report } from '../events.ts';
import { errnoOf } from '../faults.ts';

/** Knows whether a directory is the one that it was when the guard was made: not gone, and not on another disk. */
export interface DirectoryGuard {
  /** Whether it was away when that was last looked at. */
  wasAway(): boolean;
  /** False while it is away; its going and its coming back are reported once each. Throws what else stat says. */
  isThere(): boolean;
}

/**
 * Guards a directory that must exist now. A disk that is unmounted leaves an empty directory behind: writing to it would fill
 * another disk, and every file in it would count as removed.
 */
export function guardDirectory(directory: string, report: Report): DirectoryGuard {
  const { dev } = statSync(directory);
  let away = false;
  return {
    wasAway: () => away,
    isThere: () => {
      const there = deviceOf(directory) === dev;
      if (away !== there) return there;
      away = !there;
      if (there) report('directory back', { directory });
      else report('directory away', { directory });
      return there;
    },
  };
}

function deviceOf(directory: string): number | undefined {
  try {
    return statSync(directory).dev;
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}
