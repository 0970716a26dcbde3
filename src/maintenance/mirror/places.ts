import { lstat, readlink, realpath } from 'node:fs/promises';
import { basename } from 'node:path';
import { errnoOf, unlessGone } from '../../domain/faults.ts';
import { at } from '../../platform/linux/index.ts';
import { pathBelow } from '../../platform/runtime/index.ts';
import { MANIFEST } from './names.ts';
import type { OpenSource } from './sources.ts';

/** A database as the settings name it. */
interface Database {
  readonly name: string;
  readonly path: string;
}

/** Where the databases of a mirror are, and where their snapshots go. */
export interface Places {
  readonly snapshots: readonly PlacedSnapshot[];
  /** Of each source, by where it goes: paths below it that are not copied. */
  readonly leftOut: ReadonlyMap<string, readonly string[]>;
  readonly notes: readonly string[];
}

export interface PlacedSnapshot extends Database {
  /** Below the mirror. */
  readonly to: string;
}

/** True for a file of the source that is nothing but the copy of a database which an earlier mirror holds at this path. */
export type IsRestored = (source: OpenSource, path: string) => Promise<boolean>;

/**
 * A snapshot stands where its database lies in a source, and that of one elsewhere at the top, under its own name: so that what
 * is copied back stands where it was. A copy of it that was brought back into the source is passed over. Where the source has
 * another file of that name, the file keeps the name and the snapshot gets one beside it, which is noted.
 */
export async function placesOf(
  all: readonly Database[],
  named: readonly string[],
  sources: readonly OpenSource[],
  isRestored: IsRestored,
): Promise<Places> {
  const leftOut = new Map(sources.map(({ to }): [string, string[]] => [to, to === '' ? [MANIFEST] : []]));
  const snapshots: PlacedSnapshot[] = [];
  const notes: string[] = [];
  const inside: string[] = [];
  for (const database of all) {
    const home = await homeOf(database, sources);
    if (home === undefined) continue;
    if (named.includes(database.name)) {
      snapshots.push({ ...database, to: below(home.source.to, home.path) });
      leftOut.get(home.source.to)?.push(...['', '-wal', '-shm', '-journal'].map((end) => home.path + end));
      inside.push(database.name);
    } else {
      notes.push(
        `${home.real} was copied as a file, which may be torn: name database ${database.name} in the mirror's "databases"`,
      );
    }
  }
  const top = sources.find(({ to }) => to === '');
  const taken = new Set([...snapshots, ...sources].map(({ to }) => to.split('/')[0] ?? ''));
  for (const database of all) {
    if (!named.includes(database.name) || inside.includes(database.name)) continue;
    const { to, replaces } = await nameAtTop(database, { top, taken, isRestored });
    if (replaces) leftOut.get('')?.push(to);
    else if (to !== basename(database.path))
      notes.push(
        `the snapshot of database ${database.name} is called ${to}: something else is called ${basename(database.path)}`,
      );
    taken.add(to);
    snapshots.push({ ...database, to });
  }
  return { snapshots, leftOut, notes };
}

interface Top {
  /** The source that fills the top of the mirror. */
  readonly top: OpenSource | undefined;
  readonly taken: ReadonlySet<string>;
  readonly isRestored: IsRestored;
}

async function nameAtTop(
  { name, path }: Database,
  { top, taken, isRestored }: Top,
): Promise<{ to: string; replaces: boolean }> {
  for (const to of namesFor(name, basename(path))) {
    if (taken.has(to)) continue;
    const there = top && (await lstat(at(top.directory, to)).catch(unlessGone));
    if (top === undefined || there === undefined) return { to, replaces: false };
    if (there.isFile() && (await isRestored(top, to))) return { to, replaces: true };
  }
  throw new RangeError('unreachable: the names do not end');
}

/** Its own name, then ones that say what it is. */
function* namesFor(name: string, own: string): Generator<string> {
  yield own;
  yield `${name}.db`;
  yield `${name}.snapshot.db`;
  for (let number = 2; ; number += 1) yield `${name}.snapshot-${number}.db`;
}

interface Home {
  readonly source: OpenSource;
  /** Below the source. */
  readonly path: string;
  readonly real: string;
}

/** The source that a database lies in. */
async function homeOf({ path }: Database, sources: readonly OpenSource[]): Promise<Home | undefined> {
  const real = await realpath(path).catch((error: unknown) => {
    if (errnoOf(error) === 'ENOENT') return path;
    throw error;
  });
  for (const source of sources) {
    const root = await readlink(`/proc/self/fd/${source.directory.fd}`);
    const path = pathBelow(root, real);
    if (path !== undefined) return { source, path, real };
  }
  return undefined;
}

function below(directory: string, path: string): string {
  return directory === '' ? path : `${directory}/${path}`;
}
