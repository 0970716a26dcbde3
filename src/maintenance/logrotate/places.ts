import { basename, dirname } from 'node:path';
import { errnoOf } from '../../domain/faults.ts';
import { isExposed, openDirectory, type Directory } from '../../platform/linux/index.ts';
import type { LogEntry } from './names.ts';

/**
 * How paths are said. Where others may write, a rotation by root works in open directories (P13): `inside` is the path through
 * one of them, `outside` the one that the settings, the state and messages know.
 */
export interface Places {
  readonly inside: (path: string) => string;
  /** Any text that paths stand in. */
  readonly outside: (text: string) => string;
}

/** No other user can change what a path names: it is used as it stands. */
export const PLAIN: Places = { inside: (path) => path, outside: (text) => text };

/** A log, its entry and its paths as a rotation uses them. */
export interface Opened extends AsyncDisposable {
  readonly log: string;
  readonly entry: LogEntry;
  readonly places: Places;
}

/**
 * Opens the directories of a log and of its archives where others may write in them or on the way to them, so that whatever they
 * swap, nothing is written elsewhere; undefined when there is no such directory. Throws PATH_UNSAFE where the way goes through a link that others can have put there.
 */
export async function openPlaces(entry: LogEntry, log: string): Promise<Opened | undefined> {
  const archives = entry.dir ?? dirname(log);
  const isPlain = !isExposed(dirname(log)) && !isExposed(archives);
  if (isPlain) return asGiven(entry, log);
  const own = await openOrNone(dirname(log));
  if (own === undefined) return undefined; // not the path as it stands: a link may come to it any moment
  try {
    const other = archives === dirname(log) ? own : await openDirectory(archives, { makeMode: 0o750 });
    const places = placesOf([own, other]);
    return {
      log: places.inside(log),
      entry: { ...entry, dir: places.inside(archives) },
      places,
      [Symbol.asyncDispose]: async () => {
        await own.handle.close();
        if (other !== own) await other.handle.close();
      },
    };
  } catch (error) {
    await own.handle.close();
    throw error;
  }
}

/** How paths in these open directories are said. */
export function placesOf(directories: readonly Pick<Directory, 'fd' | 'path'>[]): Places {
  const known = new Map(directories.map(({ fd, path }) => [path, `/proc/self/fd/${fd}`]));
  return {
    inside: (path) => {
      const itself = known.get(path);
      if (itself !== undefined) return itself;
      const directory = known.get(dirname(path));
      return directory === undefined ? path : `${directory}/${basename(path)}`;
    },
    outside: (text) =>
      directories.reduce(
        (said, { fd, path }) => said.replaceAll(new RegExp(`/proc/self/fd/${fd}(?!\\d)`, 'g'), () => path),
        text,
      ),
  };
}

function asGiven(entry: LogEntry, log: string): Opened {
  return { log, entry, places: PLAIN, [Symbol.asyncDispose]: async () => undefined };
}

async function openOrNone(directory: string): Promise<Directory | undefined> {
  try {
    return await openDirectory(directory);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT' || errnoOf(error) === 'ENOTDIR') return undefined;
    throw error;
  }
}
