import { Buffer } from 'node:buffer';
import { constants, type BigIntStats } from 'node:fs';
import { lstat, open, readdir, type FileHandle } from 'node:fs/promises';
import { errnoOf } from '../../domain/faults.ts';
import { at, type Directory } from '../../platform/linux/index.ts';

/**
 * A path as its bytes, one character (U+0000 to U+00FF) each: file names need not be UTF-8. Relative ones have no leading `/`.
 */
export type BytePath = string;

/** Something in a tree. */
export interface Walked {
  /** Below the tree. */
  readonly path: BytePath;
  readonly stats: BigIntStats;
  /**
   * Does `work` with the way to it, if it is called before the walk goes on: a path that stays good until that has ended, however
   * long the path below the tree is and even where directories are swapped meanwhile. `beside` leads to what has its path in the other
   * tree; undefined when there is no such directory.
   */
  readonly use: <T>(work: (here: Buffer, beside: Buffer | undefined) => Promise<T>) => Promise<T>;
}

const AT_ONCE = 64;
const DIRECTORY = constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW;

/** A path of the file system as its bytes. */
export function bytePath(path: string): BytePath {
  return Buffer.from(path).toString('latin1');
}

/** A path as text, for people. */
export function textOf(path: BytePath): string {
  return Buffer.from(path, 'latin1').toString('utf8');
}

/** The order in which {@link walk} comes to paths: a directory before what lies in it, and names by their bytes. */
export function comparePaths(one: BytePath, other: BytePath): number {
  const [a, b] = [one.replaceAll('/', '\0'), other.replaceAll('/', '\0')];
  return a < b ? -1 : a > b ? 1 : 0;
}

/**
 * Everything in an open directory and below it, directories too, in the order of {@link comparePaths}; never through a link.
 * `beside` is the top of another tree. Throws what the system says.
 */
export async function* walk(root: Directory, beside?: Directory): AsyncGenerator<Walked> {
  yield* below(
    heldOpen(root.fd, beside?.fd, () => Promise.resolve()),
    '',
  );
}

/** A directory of the tree with the one beside it, open until the last that works in them has ended. */
interface Level {
  readonly fd: number;
  readonly besideFd: number | undefined;
  hold(): void;
  release(): Promise<void>;
}

function heldOpen(fd: number, besideFd: number | undefined, close: () => Promise<void>): Level {
  let holders = 1;
  return {
    fd,
    besideFd,
    hold: () => {
      holders += 1;
    },
    release: async () => {
      holders -= 1;
      if (holders === 0) await close();
    },
  };
}

async function* below(level: Level, path: BytePath): AsyncGenerator<Walked> {
  try {
    const names = (await readdir(`/proc/self/fd/${level.fd}`, { encoding: 'buffer' })).toSorted(
      (one, other) => Buffer.compare(one, other),
    );
    for (let from = 0; from < names.length; from += AT_ONCE) {
      const some = names.slice(from, from + AT_ONCE);
      const all = await Promise.all(
        some.map(async (name) => ({ name, stats: await lstat(at(level, name), { bigint: true }) })),
      );
      for (const { name, stats } of all) {
        const text = name.toString('latin1');
        const walked = path === '' ? text : `${path}/${text}`;
        yield { path: walked, stats, use: (work) => used(level, name, work) };
        if (stats.isDirectory()) yield* below(await levelBelow(level, name), walked);
      }
    }
  } finally {
    await level.release();
  }
}

async function used<T>(
  level: Level,
  name: Buffer,
  work: (here: Buffer, beside: Buffer | undefined) => Promise<T>,
): Promise<T> {
  level.hold();
  try {
    return await work(at(level, name), besideOf(level, name));
  } finally {
    await level.release();
  }
}

function besideOf({ besideFd }: Level, name: Buffer): Buffer | undefined {
  return besideFd === undefined ? undefined : at({ fd: besideFd }, name);
}

async function levelBelow(level: Level, name: Buffer): Promise<Level> {
  const beside = besideOf(level, name);
  const other = beside === undefined ? undefined : await openIfDirectory(beside);
  try {
    const own = await open(at(level, name), DIRECTORY);
    return heldOpen(own.fd, other?.fd, async () => {
      await own.close();
      await other?.close();
    });
  } catch (error) {
    await other?.close();
    throw error;
  }
}

async function openIfDirectory(path: Buffer): Promise<FileHandle | undefined> {
  try {
    return await open(path, DIRECTORY);
  } catch (error) {
    if (['ENOENT', 'ENOTDIR', 'ELOOP'].includes(errnoOf(error) ?? '')) return undefined;
    throw error;
  }
}
