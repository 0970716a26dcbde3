import { lstat, readdir, readlink } from 'node:fs/promises';
import { join } from 'node:path';
import { WavspoolError, errnoOf, messageOf, unlessGone } from '../faults.ts';
import { momentOf, type Dated } from '../retention/index.ts';
import { readSummary } from './manifest.ts';
import { LATEST, mirrorNames } from './names.ts';
import { bytePath, walk } from './walk.ts';

/** A mirror that lies in its directory. */
export interface StoredMirror extends Dated {
  readonly path: string;
  /** It has its manifest, so nothing was missing when it was made. */
  readonly verified: boolean;
  /** Undefined where the manifest is gone, as are the next two. */
  readonly files: number | undefined;
  readonly apparentBytes: number | undefined;
  /** When contents were last compared, ms since 1970. */
  readonly checkedAt: number | undefined;
}

/**
 * The mirrors in `dir`, newest first. What a crash left bears a temporary name, so it is none of them. Throws
 * MIRROR_DIRECTORY; a directory that is not there has none.
 */
export async function listMirrors(
  { dir }: { readonly dir: string },
  timezone: string,
): Promise<readonly StoredMirror[]> {
  const names = mirrorNames(timezone);
  const found: StoredMirror[] = [];
  for (const name of await entriesOf(dir)) {
    const dated = names.parse(name);
    if (dated === undefined) continue;
    const path = join(dir, name);
    const stats = await lstat(path).catch(unlessGone); // another process may be removing it
    if (stats?.isDirectory() !== true) continue;
    const summary = await readSummary(path);
    found.push({
      name,
      path,
      at: summary?.at ?? momentOf(dated, stats.mtimeMs),
      verified: summary !== undefined,
      files: summary?.files,
      apparentBytes: summary?.bytes,
      checkedAt: summary?.checkedAt,
    });
  }
  return found.toSorted((a, b) => b.at - a.at || (a.name < b.name ? 1 : -1));
}

async function entriesOf(dir: string): Promise<readonly string[]> {
  try {
    return await readdir(dir);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return [];
    throw new WavspoolError('MIRROR_DIRECTORY', `${dir} cannot be listed: ${messageOf(error)}`, {
      cause: error,
    });
  }
}

/** The name of the mirror that `latest` points to; undefined when there is no such symlink. Throws what the system says. */
export async function latestOf(dir: string): Promise<string | undefined> {
  try {
    return await readlink(join(dir, LATEST));
  } catch (error) {
    if (errnoOf(error) === 'ENOENT' || errnoOf(error) === 'EINVAL') return undefined;
    throw error;
  }
}

/** The bytes on disk that removing this mirror would free: those of its directories and of files that no other mirror shares. */
export async function realBytesOf(
  { path }: Pick<StoredMirror, 'path'>,
  signal: AbortSignal,
): Promise<number> {
  let bytes = 0n;
  const linked = new Map<bigint, bigint>(); // how many names of a file this mirror has not shown yet
  for await (const { stats } of walk(bytePath(path))) {
    signal.throwIfAborted();
    const { ino, nlink, blocks } = stats;
    if (stats.isDirectory() || nlink === 1n) bytes += blocks * BLOCK_BYTES;
    else {
      const left = (linked.get(ino) ?? nlink) - 1n;
      linked.set(ino, left);
      if (left === 0n) bytes += blocks * BLOCK_BYTES;
    }
  }
  return Number(bytes);
}

const BLOCK_BYTES = 512n;
