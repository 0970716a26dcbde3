import { randomBytes } from 'node:crypto';
import { linkSync, unlinkSync } from 'node:fs';
import { lstat, mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises';
import { hostname } from 'node:os';
import { dirname, join } from 'node:path';
import { errnoOf } from '../../domain/faults.ts';
import { filesBelow } from './files-below.ts';

// P3: nothing appears under its final name before it is complete and on disk. This file is the only place that does it:
// temporary name in the same directory, fsync, rename (or link, where nothing may be overwritten), fsync of the directory.

/** Every temporary file of wavspool begins like this; members of a tar may not. */
export const TEMPORARY_PREFIX = '.wavspool-';

const HOST = hostname().replaceAll(/[^A-Za-z0-9]/g, '_');
const PROCESS = `${HOST}-${process.pid}-${randomBytes(4).toString('hex')}`;
/** A temporary file this old is left over, whatever process its name names. */
const ABANDONED_AFTER_MS = 24 * 3600 * 1000;
let serial = 0;

/** A new temporary path in `directory`; its name tells {@link sweepTemporaries} whose it is. */
export function temporaryPath(directory: string): string {
  serial += 1;
  return join(directory, `${TEMPORARY_PREFIX}${PROCESS}-${serial}.tmp`);
}

/** Replaces the file at `path` as a whole: a crash leaves the old one or the new one. `mode` as in chmod. */
export async function writeDurably(path: string, content: string | Uint8Array, mode: number): Promise<void> {
  const temporary = temporaryPath(dirname(path));
  try {
    const file = await open(temporary, 'wx', mode);
    try {
      await file.writeFile(content);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
  await syncDirectory(dirname(path));
}

/**
 * Gives the complete, synced file at `temporary` its final name unless that is taken; true when it got it. The caller
 * syncs the directory once for all the names it gave. A crash leaves one name or both, both of them whole. It does not wait: for
 * thousands of names handing each to the thread pool costs more than the system.
 */
export function publishUnlessTaken(temporary: string, path: string): boolean {
  try {
    linkSync(temporary, path); // not rename(2): it would replace a file that another process has just put there
  } catch (error) {
    if (errnoOf(error) === 'EEXIST') return false;
    throw error;
  }
  unlinkSync(temporary);
  return true;
}

/** A file that grows under a temporary name until it is complete. */
export interface GrowingFile {
  readonly temporary: string;
  readonly bytes: () => number;
  readonly write: (chunk: Uint8Array) => Promise<void>;
  /** Syncs it and gives it its final name in the same directory; false, and nothing is left, when that name is taken. */
  readonly publish: (path: string) => Promise<boolean>;
  /** Removes it; harmless after it was published. */
  readonly discard: () => Promise<void>;
}

/** Begins a file of `mode` that will get its name in `directory` once it is complete and on disk. */
export async function growFile(directory: string, mode: number): Promise<GrowingFile> {
  const temporary = temporaryPath(directory);
  const file = await open(temporary, 'wx', mode);
  let bytes = 0;
  let closed = false;
  const close = async (): Promise<void> => {
    if (closed) return;
    closed = true;
    await file.close();
  };
  return {
    temporary,
    bytes: () => bytes,
    write: async (chunk) => {
      await file.writeFile(chunk); // at the present position, and whole: write(2) may take less
      bytes += chunk.length;
    },
    publish: async (path) => {
      await file.sync();
      await close();
      const published = publishUnlessTaken(temporary, path);
      if (!published) await rm(temporary, { force: true });
      await syncDirectory(directory);
      return published;
    },
    discard: async () => {
      await close();
      await rm(temporary, { force: true });
    },
  };
}

/** Makes a file's bytes survive a power loss. */
export async function syncFile(path: string): Promise<void> {
  const handle = await open(path, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Makes the names in `directory` survive a power loss. */
export async function syncDirectory(directory: string): Promise<void> {
  await syncFile(directory);
}

/**
 * `mkdir -p`, with every directory it made synced into its parent. Step by step, for Node's recursive one says ENOENT on a read-only
 * file system. Throws the system's ENOTDIR or EEXIST when a file is in the way.
 */
export async function makeDirectory(directory: string, mode = 0o750): Promise<void> {
  try {
    await mkdir(directory, { mode });
  } catch (error) {
    const parent = dirname(directory);
    if (errnoOf(error) === 'ENOENT' && parent !== directory) {
      await makeDirectory(parent, mode);
      return makeDirectory(directory, mode);
    }
    if (errnoOf(error) === 'EEXIST' && (await stat(directory)).isDirectory()) return;
    throw error;
  }
  await syncDirectory(dirname(directory));
}

/** Which temporary files {@link sweepTemporaries} looks for. */
interface Sweep {
  /** Whether below the directories in it as well; true unless told otherwise. */
  readonly recursive?: boolean;
  /** Ends the sweep early. */
  readonly signal?: AbortSignal;
}

/**
 * Removes the temporary files in `root`, with those below it unless told otherwise, that no living process of this host
 * owns; returns how many it removed. Safe while others work there. Rejects with `signal.reason`.
 */
export async function sweepTemporaries(
  root: string,
  now: number,
  { recursive = true, signal }: Sweep = {},
): Promise<number> {
  let swept = 0;
  for await (const { directory, name } of filesBelow(root, { recursive })) {
    signal?.throwIfAborted();
    if (!name.startsWith(TEMPORARY_PREFIX)) continue;
    const path = join(directory, name);
    if (!(await isAbandoned(path, name, now))) continue;
    await rm(path, { force: true });
    swept += 1;
  }
  return swept;
}

/**
 * The temporary things directly in `directory`, trees too, that no living process of this host owns, or that are older than
 * `afterMs`.
 */
export async function abandonedTemporaries(
  directory: string,
  now: number,
  afterMs: number,
): Promise<readonly string[]> {
  const abandoned: string[] = [];
  for (const name of await readdir(directory)) {
    const path = join(directory, name);
    if (name.startsWith(TEMPORARY_PREFIX) && (await isAbandoned(path, name, now, afterMs)))
      abandoned.push(path);
  }
  return abandoned;
}

async function isAbandoned(
  path: string,
  name: string,
  now: number,
  afterMs = ABANDONED_AFTER_MS,
): Promise<boolean> {
  const [host, pid, run] = name.slice(TEMPORARY_PREFIX.length).split('-');
  if (`${host}-${pid}-${run}` === PROCESS) return false;
  if (host === HOST && !isAlive(Number(pid))) return true;
  try {
    return now - (await lstat(path)).mtimeMs > afterMs;
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return false; // its owner was quicker
    throw error;
  }
}

function isAlive(pid: number): boolean {
  if (pid === process.pid) return false; // the same number, another run: see the caller's first line
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return errnoOf(error) === 'EPERM';
  }
}
