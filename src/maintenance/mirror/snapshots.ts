import { constants } from 'node:fs';
import { mkdir, open, rename, stat } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { errnoOf } from '../../domain/faults.ts';
import { at, openBelow, removeIn, type Directory } from '../../platform/linux/index.ts';
import { temporaryPath } from '../../platform/runtime/index.ts';
import type { PlacedSnapshot } from './places.ts';

/** Puts a verified snapshot of a database into a directory that exists. */
export type SnapshotInto = (
  database: string,
  directory: string,
  signal: AbortSignal,
) => Promise<{ readonly file: string; readonly rows: number }>;

const DIRECTORY_MODE = 0o750;

/**
 * Takes the snapshots and puts them where they belong in the tree, which no other user can reach yet; each with the owner, the
 * group and the mode of its database, so that a program can open what is copied back. Returns how many rows each has. Throws what `snapshotInto` throws.
 */
export async function putSnapshots(
  tree: Directory,
  snapshots: readonly PlacedSnapshot[],
  snapshotInto: SnapshotInto,
  signal: AbortSignal,
): Promise<Readonly<Record<string, number>>> {
  const rows: Record<string, number> = {};
  for (const { name, path, to } of snapshots) {
    const scratch = basename(temporaryPath(tree.path));
    await mkdir(at(tree, scratch), { mode: 0o700 });
    await using directory = await openBelow(tree, scratch);
    const taken = await snapshotInto(name, `/proc/self/fd/${directory.fd}`, signal);
    const target = `/proc/self/fd/${tree.fd}/${to}`;
    await mkdir(dirname(target), { recursive: true, mode: DIRECTORY_MODE });
    await rename(at(directory, basename(taken.file)), target);
    await likeTheDatabase(target, path);
    await removeIn(tree, scratch); // with its record, which the mirror's stands for
    rows[`rows of ${name}`] = taken.rows;
  }
  return rows;
}

async function likeTheDatabase(copy: string, database: string): Promise<void> {
  const { uid, gid, mode } = await stat(database);
  await using file = await open(copy, constants.O_RDONLY | constants.O_NOFOLLOW);
  const own = await file.stat();
  if (own.uid !== uid || own.gid !== gid) {
    try {
      await file.chown(uid, gid);
    } catch (error) {
      // as with the files that rsync copies: owners other than its own need root
      if (errnoOf(error) !== 'EPERM') throw error;
      return;
    }
  }
  await file.chmod(mode & 0o777);
}

/**
 * The attributes that a mirror itself gets: those of the directory that everything in it was copied from, if that is one, so
 * that `rsync -a latest/ there/` leaves it as it is.
 */
export async function likeTheParent(
  tree: Directory,
  copied: readonly { readonly to: string; readonly path: string }[],
): Promise<void> {
  const parents = new Set(copied.map(({ path }) => dirname(path)));
  const [parent] = parents;
  const isWhole = parents.size === 1 && copied.every(({ to, path }) => to === basename(path));
  if (!isWhole || parent === undefined) return tree.handle.chmod(0o755);
  const { uid, gid, mode } = await stat(parent);
  const own = await tree.handle.stat();
  if (process.geteuid?.() === 0 && (own.uid !== uid || own.gid !== gid)) await tree.handle.chown(uid, gid);
  await tree.handle.chmod((mode & 0o777) | 0o700);
}
