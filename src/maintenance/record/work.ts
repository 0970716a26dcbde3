import { createHash } from 'node:crypto';
import { constants, createReadStream } from 'node:fs';
import { open, rm, type FileHandle } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { WavspoolError } from '../../domain/faults.ts';
import { at, openDirectory, type Directory } from '../../platform/linux/index.ts';
import { makeDirectory, sweepTemporaries, temporaryPath, writeFault } from '../../platform/runtime/index.ts';
import { bringToMode, type ModeChange } from './directory-mode.ts';
import { openIfThere } from './stored-copy.ts';
import { isOurs } from './live.ts';

// SQLite and the streams that compress work on paths. Where others could make a path another one meanwhile (P13), a copy grows in
// the data directory instead and is brought to its place by descriptors.

/** The directory of a schedule, and where its copies grow. */
export interface Workplace extends AsyncDisposable {
  readonly directory: Directory;
  /** A directory that root and this user alone can make another. */
  readonly path: string;
  /** What became of the mode of a directory that had another one than is asked for. */
  readonly modeChange?: ModeChange;
}

/** How a directory of copies is opened. */
export interface Opening {
  /** Of a directory that is made. */
  readonly mode: number;
  /** Whether the settings ask for that mode: then one that is there is brought to it. */
  readonly isAsked?: boolean;
  readonly now: number;
  readonly dataDirectory: string;
}

/**
 * Opens the directory `dir`, makes it with its mode if it is missing, and sweeps what a crash left in it. Throws FILE_UNREADABLE,
 * DISK_FULL or PATH_UNSAFE.
 */
export async function openWorkplace(
  dir: string,
  { mode, isAsked = false, now, dataDirectory }: Opening,
): Promise<Workplace> {
  try {
    const directory = (await openIfThere(dir)) ?? (await made(dir, mode));
    try {
      const modeChange = isAsked ? await bringToMode(directory, mode) : undefined;
      await sweepTemporaries(`/proc/self/fd/${directory.fd}`, now, { recursive: false });
      const isSafe = await isOurs(dir);
      const path = isSafe ? dir : join(dataDirectory, 'scratch');
      if (!isSafe) {
        await makeDirectory(path);
        await sweepTemporaries(path, now, { recursive: false });
      }
      return {
        directory,
        path,
        ...(modeChange !== undefined && { modeChange }),
        [Symbol.asyncDispose]: () => directory[Symbol.asyncDispose](),
      };
    } catch (error) {
      await directory[Symbol.asyncDispose]();
      throw error;
    }
  } catch (error) {
    throw directoryFault(dir, error);
  }
}

async function made(dir: string, mode: number): Promise<Directory> {
  const directory = await openDirectory(dir, { makeMode: mode });
  await directory.handle.chmod(mode); // whatever the umask took from it
  return directory;
}

/**
 * Brings the complete file at `stored` into the directory under a temporary name, with its mode, its time and its bytes on disk.
 * `stored` is used up. Throws SNAPSHOT_BAD when it is not what `sha256` says, and what the system says.
 */
export async function bringTo(
  { directory, path }: Workplace,
  stored: string,
  { mode, at: madeAt, sha256 }: { readonly mode: number; readonly at: number; readonly sha256: string },
): Promise<string> {
  const isThere = stored === join(path, basename(stored)) && path === directory.path;
  const name = isThere ? basename(stored) : basename(temporaryPath(directory.path));
  const flags =
    constants.O_NOFOLLOW |
    (isThere ? constants.O_RDONLY : constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL);
  const file = await open(at(directory, name), flags, 0o600);
  try {
    if (!isThere) await copyBytes(stored, file, sha256);
    await file.chmod(mode);
    await file.utimes(madeAt / 1000, madeAt / 1000);
    await file.sync();
  } catch (error) {
    if (!isThere) await rm(at(directory, name), { force: true });
    throw error;
  } finally {
    await file.close();
  }
  if (!isThere) await rm(stored);
  return name;
}

async function copyBytes(from: string, to: FileHandle, sha256: string): Promise<void> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(from, { highWaterMark: 1024 * 1024 })) {
    hash.update(chunk as Buffer);
    await to.writeFile(chunk as Buffer); // at the present position, and whole
  }
  if (hash.digest('hex') !== sha256)
    throw new WavspoolError('SNAPSHOT_BAD', `${from} changed while it was copied`);
}

/** What the system says of a directory of copies as a fault of ours; one that is ours already stays as it is. */
export function directoryFault(dir: string, error: unknown): unknown {
  return writeFault(`no copy can be put into ${dir}`, error);
}
