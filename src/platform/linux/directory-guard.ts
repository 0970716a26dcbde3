import { mkdirSync, statSync } from 'node:fs';
import type { Report } from '../../domain/events.ts';
import { errnoOf, messageOf } from '../../domain/faults.ts';
import { noteOf, notMounted, notePlace, whyAway } from './known-places.ts';
import { hasMoved, placeOf, type Place } from './place-of.ts';

/** Knows whether a directory is the one that wavspool works in: not gone, its disk mounted and answering. */
export interface DirectoryGuard {
  /** Why it was away when that was last looked at; undefined when it was there. */
  wasAway(): string | undefined;
  /** Looks: why nothing may be done in it now; undefined while it is there. Its going and coming back are reported once each. */
  away(): Promise<string | undefined>;
}

/** Where the directory was found to be, and the number of its file system, which changes from one mount to the next. */
interface Home {
  readonly place: Place | undefined;
  readonly device: number;
}

/**
 * Guards a directory, which is made when it is missing and its disk is there. A disk that is unmounted leaves an empty directory
 * behind: writing to it would fill another disk, and every file of it would count as removed. Where it lay is noted in the data
 * directory, so that a role that starts without the disk knows it as well. Never rejects.
 */
export async function guardDirectory(
  directory: string,
  { dataDirectory, report }: { readonly dataDirectory: string; readonly report: Report },
): Promise<DirectoryGuard> {
  let home: Home | undefined;
  let said: string | undefined;

  const moveIn = async (): Promise<string | undefined> => {
    const reason = whyAway(directory, dataDirectory);
    if (reason !== undefined) return reason;
    mkdirSync(directory, { recursive: true, mode: 0o750 });
    await notePlace(directory, dataDirectory);
    home = { place: placeOf(directory), device: statSync(directory).dev };
    return undefined;
  };

  const look = async (): Promise<string | undefined> => {
    try {
      if (home === undefined) return await moveIn();
      const device = deviceOf(directory);
      if (device === home.device) return undefined;
      const reason = reasonOf(directory, dataDirectory, home, device);
      if (reason === undefined && device !== undefined) home = { ...home, device };
      return reason;
    } catch (error) {
      return `${directory} cannot be used: ${messageOf(error)}`;
    }
  };

  const away = async (): Promise<string | undefined> => {
    const reason = await look();
    if (reason !== undefined && said === undefined) report('directory away', { directory, reason });
    if (reason === undefined && said !== undefined) report('directory back', { directory });
    said = reason;
    return reason;
  };

  await away();
  return { wasAway: () => said, away };
}

function deviceOf(directory: string): number | undefined {
  try {
    return statSync(directory).dev;
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}

function reasonOf(
  directory: string,
  dataDirectory: string,
  { place }: Home,
  device: number | undefined,
): string | undefined {
  const found = placeOf(directory);
  const moved = place === undefined || found === undefined ? 'other' : hasMoved(place, found);
  if (moved === 'gone' && place !== undefined)
    return notMounted(directory, place, noteOf(directory, dataDirectory));
  if (device === undefined) return `${directory} is away: there is no such directory any more`;
  if (moved === 'no') return undefined;
  return `${directory} is away: another file system is there now (restart wavspool if that is meant)`;
}
