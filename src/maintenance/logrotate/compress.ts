import { createHash } from 'node:crypto';
import { unlink, type FileHandle } from 'node:fs/promises';
import { dirname } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { createGunzip, createGzip } from 'node:zlib';
import { errnoOf } from '../../domain/faults.ts';
import { publishUnlessTaken, syncDirectory } from '../../platform/runtime/index.ts';
import { createTemporary, giveAttributes, openPlain } from './attributes.ts';
import { digestRange, piecesOf, writeWhole } from './copy.ts';
import { putAside } from './put-aside.ts';

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
