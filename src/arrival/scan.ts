import type { Dirent } from 'node:fs';
import { opendir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Report } from '../events.ts';
import { isAbsence, lookAt, type TarOnDisk } from './look.ts';

/** lstats under way at once: one after the other takes several times as long on 100,000 tars. */
const AT_ONCE = 32;

/** What Node puts where a name is not UTF-8; such a path cannot be opened again. */
const NOT_UTF8 = '\uFFFD';

/**
 * Walks the landing directory and yields every tar the matcher takes, in no order. It never follows symbolic links. What
 * vanishes on the way is skipped; what cannot be read is reported and the walk goes on. Memory: one path per directory
 * still to be read, never the tars.
 */
export async function* scan(
  incoming: string,
  matcher: (relativePath: string) => boolean,
  report: Report,
): AsyncGenerator<TarOnDisk, void, undefined> {
  /** Each as a path and as what that is below the landing directory: to derive one from the other takes longer than to match. */
  const directories = [{ directory: incoming, below: '' }];
  for (let next = directories.pop(); next !== undefined; next = directories.pop()) {
    const { directory } = next;
    let names: string[] = [];
    for await (const entry of entriesOf(directory, directory === incoming, report)) {
      const path = join(directory, entry.name);
      const below = `${next.below}${entry.name}`;
      if (entry.isDirectory()) directories.push({ directory: path, below: `${below}/` });
      if (!entry.isFile() || !matcher(below)) continue;
      names.push(path);
      if (names.length < AT_ONCE) continue;
      yield* await look(names, report);
      names = [];
    }
    yield* await look(names, report);
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
