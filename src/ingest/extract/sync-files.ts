import { statfs } from 'node:fs/promises';
import { syncFile } from '../../platform/runtime/index.ts';
import type { SyncFileSystem } from '../../platform/linux/index.ts';

/** Files that are written and not yet known to be on disk. */
export interface UnsyncedFiles {
  /** Takes a file of so many bytes; begins to sync a large one, and syncs what has gathered when that is much. Throws the system's errors. */
  add(path: string, bytes: number): Promise<void>;
  /** Resolves when all of them are on disk (P3). Throws the system's errors. */
  sync(): Promise<void>;
}

/** Gathered files are synced at the latest when they are so many, or so large together. */
const MOST_FILES = 2000;
const MOST_BYTES = 256 * 1024 * 1024;
/** A file this large is synced while the next one is written: its bytes take longer to the disk than the end of a transaction. */
const LARGE_BYTES = 1024 * 1024;
/** So many large ones at once: as many threads does the pool have. */
const LARGE_AT_ONCE = 4;
/** So many files are synced one by one: the answer comes sooner than from a program that has to be started. */
const FEW = 16;
/** statfs(2)'s types of file systems whose syncfs(2) is as good as an fsync(2) of each file. */
const SYNCED_AS_A_WHOLE: ReadonlySet<number> = new Set([
  0xef53, // ext2, ext3, ext4
  0x5846_5342, // XFS
  0x9123_683e, // Btrfs
  0xf2f5_2010, // F2FS
  0x2fc1_2fc1, // ZFS
  0x0102_1994, // tmpfs
  0x794c_7630, // overlayfs
]);

/** Whether a file system of that type can be synced as a whole: FUSE and network shares may not pass it on to their server. */
export function isSyncedAsAWhole(type: number): boolean {
  return SYNCED_AS_A_WHOLE.has(type);
}

/**
 * Gathers the files of `directory`, which all lie in its file system, for one syncfs(2) instead of an fsync(2) each: every fsync
 * ends a transaction of the file system's journal, which took 0.15 ms of CPU for each recording. Where that fails, or `sync` is too
 * old to know `-f`, each file is synced by itself, which also finds the one at fault. Throws the system's errors.
 */
export async function unsyncedFiles(
  directory: string,
  syncFileSystem: SyncFileSystem,
  signal: AbortSignal,
): Promise<UnsyncedFiles> {
  const { type } = await statfs(directory);
  let paths: string[] = [];
  let gathered = 0;
  const begun: Promise<void>[] = [];

  const begin = async (path: string): Promise<void> => {
    const syncing = syncFile(path);
    syncing.catch(() => undefined); // thrown where it is waited for, unless the tar has failed by then
    begun.push(syncing);
    if (begun.length > LARGE_AT_ONCE) await begun.shift();
  };

  const sync = async (): Promise<void> => {
    const files = paths;
    paths = [];
    gathered = 0;
    await Promise.all(begun.splice(0));
    if (files.length > FEW && isSyncedAsAWhole(type) && (await syncFileSystem(directory, signal))) return;
    for (let from = 0; from < files.length; from += FEW)
      await Promise.all(files.slice(from, from + FEW).map(syncFile));
  };

  return {
    add: async (path, bytes) => {
      if (bytes >= LARGE_BYTES) return begin(path);
      paths.push(path);
      gathered += bytes;
      if (paths.length >= MOST_FILES || gathered >= MOST_BYTES) await sync();
    },
    sync,
  };
}
