import { readdir, readlink } from 'node:fs/promises';
import { WavspoolError, errnoOf, messageOf } from '../../domain/faults.ts';
import { at as inDirectory, openBelow, openDirectory, type Directory } from '../../platform/linux/index.ts';
import { isOf, openDoubt, recordsIn, type CopyRecord, type Owner } from '../record/index.ts';
import { momentOf, type Dated } from '../retention/index.ts';
import { isoTime } from '../../platform/runtime/index.ts';
import { readSummary, type Summary } from './manifest.ts';
import { LATEST, mirrorNames } from './names.ts';
import { ownerOf } from './owner.ts';
import type { MirrorSettings } from './settings.ts';
import { walk } from './walk.ts';

/** A mirror that lies in its directory. */
export interface StoredMirror extends Dated {
  readonly path: string;
  /** It has its manifest, so nothing was missing when it was made; and no reading since has found it damaged. */
  readonly verified: boolean;
  /** What the last reading found wrong with it. */
  readonly damage?: string | undefined;
  /** Undefined where the manifest is gone, as are the next two. */
  readonly files: number | undefined;
  readonly apparentBytes: number | undefined;
  /** When contents were last compared, ms since 1970. */
  readonly checkedAt: number | undefined;
  /** What is known of it; absent for one that was not adopted yet. */
  readonly record?: CopyRecord | undefined;
}

/** What tells a wavspool's mirrors from another's, and one date from another. */
export interface CatalogueDeps {
  readonly timezone: string;
  /** The id of the data directory. */
  readonly origin: string;
}

export type Listed = Pick<MirrorSettings, 'name' | 'source' | 'sources' | 'dir'>;

const NO_RECORD = 'no record says what made it: "wavspool snapshots adopt" takes it over';

/**
 * The dates in the directory of a mirror, newest first: its own, and, counting for nothing, those that no record gives to it.
 * What a crash left bears a temporary name, so it is none of them. Throws MIRROR_DIRECTORY; a directory that is not there has
 * none.
 */
export async function listMirrors(
  mirror: Listed,
  { timezone, origin }: CatalogueDeps,
): Promise<readonly StoredMirror[]> {
  await using opened = await openIfThere(mirror.dir);
  return opened === undefined ? [] : await mirrorsIn(opened, await ownerOf(mirror, origin), timezone);
}

/** The directory of a mirror, opened; undefined when it is not there. Throws MIRROR_DIRECTORY. */
export async function openIfThere(dir: string): Promise<Directory | undefined> {
  try {
    return await openDirectory(dir);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw new WavspoolError('MIRROR_DIRECTORY', `${dir} cannot be listed: ${messageOf(error)}`, {
      cause: error,
    });
  }
}

/** As {@link listMirrors}, in an open directory. Throws what the system says. */
export async function mirrorsIn(
  dir: Directory,
  owner: Owner,
  timezone: string,
): Promise<readonly StoredMirror[]> {
  const names = mirrorNames(timezone);
  const records = await recordsIn(dir);
  const found: StoredMirror[] = [];
  for (const name of await readdir(`/proc/self/fd/${dir.fd}`)) {
    const dated = names.parse(name);
    if (dated === undefined) continue;
    await using tree = await openIfTree(dir, name);
    if (tree === undefined) continue;
    const [summary, { mtimeMs }] = [await readSummary(tree), await tree.handle.stat()];
    const record = ofTree(records.get(name), summary);
    found.push({
      name,
      path: tree.path,
      at: record?.at ?? summary?.at ?? momentOf(dated, mtimeMs),
      ...soundness(summary, record),
      files: summary?.files,
      apparentBytes: summary?.bytes,
      checkedAt: summary?.checkedAt,
      record,
      ...(record === undefined ? { foreign: NO_RECORD } : standing(record, owner)),
    });
  }
  return found.toSorted(
    (a, b) => b.at - a.at || (b.count ?? 0) - (a.count ?? 0) || (a.name < b.name ? 1 : -1),
  );
}

/** The record of a name, if it speaks of the tree that has the name now. One without a manifest is known by its name alone. */
function ofTree(record: CopyRecord | undefined, summary: Summary | undefined): CopyRecord | undefined {
  if (record === undefined || summary === undefined) return record;
  return isoTime(record.at) === isoTime(summary.at) ? record : undefined;
}

function soundness(
  summary: Summary | undefined,
  record: CopyRecord | undefined,
): Pick<StoredMirror, 'verified' | 'damage'> {
  const damage = record?.damage?.said;
  return { verified: summary !== undefined && damage === undefined, damage };
}

function standing(record: CopyRecord, owner: Owner): Pick<Dated, 'count' | 'doubt' | 'foreign'> {
  const doubt = openDoubt(record);
  return {
    ...(record.count > 0 && { count: record.count }),
    ...(doubt !== undefined && { doubt }),
    ...(isOf(record, owner) ? {} : { foreign: whyForeign(record, owner) }),
  };
}

/** Why a tree with a record is not this mirror's to remove. */
function whyForeign({ kind, source, origin }: CopyRecord, owner: Owner): string {
  if (kind !== owner.kind || source.name !== owner.source.name)
    return `its record says that ${kind} ${source.name} made it`;
  if (source.path !== owner.source.path) return `its record says that it is a copy of ${source.path}`;
  return `its record says that another wavspool made it (${origin})`;
}

async function openIfTree(dir: Directory, name: string): Promise<Directory | undefined> {
  try {
    return await openBelow(dir, name);
  } catch (error) {
    // a file or a link of that name is no mirror; another process may be removing it
    if (['ENOENT', 'ENOTDIR', 'ELOOP'].includes(errnoOf(error) ?? '')) return undefined;
    throw error;
  }
}

/** The name of the mirror that `latest` points to; undefined when there is no such symlink. Throws what the system says. */
export async function latestIn(dir: Directory): Promise<string | undefined> {
  try {
    return await readlink(inDirectory(dir, LATEST));
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
  await using root = await openDirectory(path);
  for await (const { stats } of walk(root)) {
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
