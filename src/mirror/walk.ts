import type { BigIntStats } from 'node:fs';
import { lstat, readdir } from 'node:fs/promises';

/**
 * A path as its bytes, one character (U+0000 to U+00FF) each: file names need not be UTF-8. Relative ones have no leading `/`.
 */
export type BytePath = string;

export interface Walked {
  readonly path: BytePath;
  readonly stats: BigIntStats;
}

const AT_ONCE = 64;

/** A path of the file system as its bytes. */
export function bytePath(path: string): BytePath {
  return Buffer.from(path).toString('latin1');
}

/** What node:fs takes for such a path. */
export function onDisk(path: BytePath): Buffer {
  return Buffer.from(path, 'latin1');
}

/** The order in which {@link walk} comes to paths: a directory before what lies in it, and names by their bytes. */
export function comparePaths(one: BytePath, other: BytePath): number {
  const [a, b] = [one.replaceAll('/', '\0'), other.replaceAll('/', '\0')];
  return a < b ? -1 : a > b ? 1 : 0;
}

/** Everything below `root`, directories too, in the order of {@link comparePaths}. Throws what the system says. */
export async function* walk(root: BytePath, below: BytePath = ''): AsyncGenerator<Walked> {
  const names = (await readdir(onDisk(below === '' ? root : `${root}/${below}`), { encoding: 'buffer' }))
    .map((name) => name.toString('latin1'))
    .toSorted((a, b) => (a < b ? -1 : 1));
  for (let at = 0; at < names.length; at += AT_ONCE) {
    const some = names.slice(at, at + AT_ONCE).map((name) => (below === '' ? name : `${below}/${name}`));
    const all = await Promise.all(
      some.map(async (path) => ({ path, stats: await lstat(onDisk(`${root}/${path}`), { bigint: true }) })),
    );
    for (const one of all) {
      yield one;
      if (one.stats.isDirectory()) yield* walk(root, one.path);
    }
  }
}
