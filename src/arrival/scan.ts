import type { Dirent } from 'node:fs';
import { opendir } from 'node:fs/promises';
import type { Report } from '../events.ts';
import { isAbsence, lookAt, lookAtDirectory, type TarOnDisk } from './look.ts';

/** lstats under way at once where they wait for a disk or a network. */
const AT_ONCE = 32;

/** What Node puts where a name is not UTF-8; such a path cannot be opened again. */
const NOT_UTF8 = '\uFFFD';

/** A directory that was scanned. */
export interface DirectoryOnDisk {
  /** Absolute. */
  readonly path: string;
  /** When it last changed before it was read, ms since 1970, by the host's own clock; 0 when nobody can tell. */
  readonly ctimeMs: number;
  readonly hasDirectories: boolean;
}

/**
 * Walks the landing directory and yields every tar the matcher takes, in no order; `scanned` is told of each directory that was
 * read. It never follows symbolic links. What vanishes on the way is skipped; what cannot be read is reported and the walk goes
 * on. Memory: one path per directory still to be read, never the tars.
 */
export async function* scan(
  incoming: string,
  matcher: (relativePath: string) => boolean,
  report: Report,
  scanned: (directory: DirectoryOnDisk) => void = () => undefined,
): AsyncGenerator<TarOnDisk, void, undefined> {
  /** Each as a path and as what that is below the landing directory: to derive one from the other takes longer than to match. */
  const directories = [{ directory: incoming, below: '' }];
  for (let next = directories.pop(); next !== undefined; next = directories.pop()) {
    const { directory } = next;
    const ctimeMs = await lookAtDirectory(directory);
    let hasDirectories = false;
    let names: string[] = [];
    for await (const entry of entriesOf(directory, directory === incoming, report)) {
      const path = `${directory}/${entry.name}`;
      const below = `${next.below}${entry.name}`;
      if (entry.isDirectory()) {
        hasDirectories = true;
        directories.push({ directory: path, below: `${below}/` });
      }
      if (!entry.isFile() || !matcher(below)) continue;
      names.push(path);
      if (names.length < AT_ONCE) continue;
      yield* await look(names, report);
      names = [];
    }
    yield* await look(names, report);
    scanned({ path: directory, ctimeMs, hasDirectories });
  }
}

async function* entriesOf(directory: string, isRoot: boolean, report: Report): AsyncGenerator<Dirent> {
  try {
    yield* await opendir(directory, { bufferSize: 256 });
  } catch (err) {
    if (isAbsence(err) && !isRoot && !directory.includes(NOT_UTF8)) return; // vanished since it was listed
    report('directory unreadable', { directory, err });
  }
}

async function look(paths: readonly string[], report: Report): Promise<TarOnDisk[]> {
  const tars = await Promise.all(
    paths.map(async (path) => {
      try {
        const tar = await lookAt(path);
        if (tar !== undefined || !path.includes(NOT_UTF8)) return tar;
        throw new Error('its name is not UTF-8: rename it');
      } catch (err) {
        report('tar unreadable', { tar: path, err });
        return undefined;
      }
    }),
  );
  return tars.filter((tar) => tar !== undefined);
}
