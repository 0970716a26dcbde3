import { rename, unlink, type FileHandle, link } from 'node:fs/promises';
import { dirname, basename, join } from 'node:path';
import { publishUnlessTaken, syncDirectory } from '../../platform/runtime/index.ts';
import { identityAt } from '../../platform/linux/index.ts';
import type { OpenRotation, OwnFile } from './state-file.ts';
import { createHash } from 'node:crypto';
import { pipeline } from 'node:stream/promises';
import { createGunzip, createGzip } from 'node:zlib';
import { errnoOf } from '../../domain/faults.ts';
import { createTemporary, giveAttributes, openPlain, digestRange, piecesOf, writeWhole } from './copy.ts';
import { backupName } from './names.ts';

/**
 * Moves the older archives on and gives the new one its name. Safe to repeat after a crash at any moment, for a name is
 * touched only while it belongs to the file that was written down. False when the archive is gone: another program has removed it.
 */
export async function publishArchive(
  { aged, shifts, temporary, archive, at }: OpenRotation,
  timezone: string,
): Promise<boolean> {
  await removeOwn(aged);
  for (const { path, file, to } of shifts) if ((await identityAt(path)) === file) await rename(path, to);
  const isNamed = async (): Promise<boolean> => (await identityAt(archive.path)) === archive.file;
  while (!(await isNamed())) {
    if ((await identityAt(temporary)) !== archive.file) return false;
    if (!publishUnlessTaken(temporary, archive.path)) await putAside(archive.path, at, timezone);
  }
  // a crash between link and unlink left both names
  if ((await identityAt(temporary)) === archive.file) await unlink(temporary);
  await syncDirectory(dirname(archive.path));
  if (dirname(temporary) !== dirname(archive.path)) await syncDirectory(dirname(temporary));
  return true;
}

/** Removes those files that still have their name. */
export async function removeOwn(files: readonly OwnFile[]): Promise<void> {
  for (const { path, file } of files) if ((await identityAt(path)) === file) await unlink(path);
  for (const directory of new Set(files.map(({ path }) => dirname(path)))) await syncDirectory(directory);
}

/**
 * Replaces an archive by its gzip, which keeps mode, owner and times; `temporary` is a path in the same directory. Safe to
 * repeat after a crash at any moment: until the whole gzip has its name and is on disk, the archive stays. A foreign file of
 * the name is put aside. Resolves with the gzip's path.
 */
export async function compressArchive(
  path: string,
  temporary: string,
  {
    now,
    timezone,
    signal,
  }: { readonly now: number; readonly timezone: string; readonly signal?: AbortSignal },
): Promise<string> {
  const gzip = `${path}.gz`;
  await using archive = await openIfThere(path);
  if (archive === undefined) return gzip; // a run before this one was cut off behind its last step
  if (!(await isGzipOf(gzip, archive))) {
    await writeGzip(archive, temporary, signal);
    while (!publishUnlessTaken(temporary, gzip)) await putAside(gzip, now, timezone);
    await syncDirectory(dirname(path));
  }
  await unlink(path);
  await syncDirectory(dirname(path));
  return gzip;
}

async function writeGzip(archive: FileHandle, temporary: string, signal?: AbortSignal): Promise<void> {
  await using target = await createTemporary(temporary);
  try {
    const write = async (pieces: AsyncIterable<Buffer>): Promise<void> => {
      let position = 0;
      for await (const piece of pieces) {
        await writeWhole(target, piece, position);
        position += piece.length;
      }
    };
    await pipeline(piecesOf(archive), createGzip(), write, signal === undefined ? {} : { signal });
    await giveAttributes(target, await archive.stat());
    await target.sync();
  } catch (error) {
    await unlink(temporary);
    throw error;
  }
}

/** Whether a crash between the gzip's naming and the archive's removal left both. */
async function isGzipOf(gzip: string, archive: FileHandle): Promise<boolean> {
  await using file = await openIfThere(gzip);
  if (file === undefined) return false;
  const hash = createHash('sha256');
  try {
    await pipeline(piecesOf(file), createGunzip(), hash);
  } catch (error) {
    if (errnoOf(error)?.startsWith('Z_') === true) return false; // no gzip, or half of one: not ours
    throw error;
  }
  const { size } = await archive.stat();
  return hash.digest('hex') === (await digestRange(archive, 0, size)).sha256;
}

async function openIfThere(path: string): Promise<FileHandle | undefined> {
  try {
    return await openPlain(path, 'read');
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}

/**
 * Gives way to an archive without overwriting: what has the name gets logrotate's `-YYYYMMDDHH.backup`, with a number behind
 * it if need be. Returns that name, or undefined when nothing has the name any more.
 */
export async function putAside(path: string, now: number, timezone: string): Promise<string | undefined> {
  const backup = join(dirname(path), backupName(basename(path), now, timezone));
  for (let number = 1; ; number += 1) {
    const target = number === 1 ? backup : `${backup}.${number}`;
    try {
      await link(path, target);
      await unlink(path);
      return target;
    } catch (error) {
      if (errnoOf(error) === 'ENOENT') return undefined;
      if (errnoOf(error) !== 'EEXIST') throw error;
    }
  }
}
