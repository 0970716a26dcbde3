import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** A file system of its own that can be filled; disposing of it unmounts it. */
export interface SmallDisk extends AsyncDisposable {
  readonly path: string;
}

/** Mounts a tmpfs. Throws where this process may not mount: the tests of a full disk need root. */
export async function mountSmallDisk(mebibytes: number, inodes = 100_000): Promise<SmallDisk> {
  const path = await mkdtemp(join(tmpdir(), 'wavspool-disk-'));
  await run('mount', ['-t', 'tmpfs', '-o', `size=${mebibytes}m,nr_inodes=${inodes}`, 'tmpfs', path]);
  return {
    path,
    [Symbol.asyncDispose]: async () => {
      await run('umount', ['-l', path]); // lazily: a process that is just ending may still have its log open
      await rm(path, { recursive: true });
    },
  };
}

/** Mounts a file system that keeps neither extended attributes nor ACLs. Throws where this process may not mount. */
export async function mountRamDisk(): Promise<SmallDisk> {
  const path = await mkdtemp(join(tmpdir(), 'wavspool-ram-'));
  await run('mount', ['-t', 'ramfs', 'ramfs', path]);
  return {
    path,
    [Symbol.asyncDispose]: async () => {
      await run('umount', ['-l', path]);
      await rm(path, { recursive: true });
    },
  };
}

/** Mounts an overlay over an empty directory of the temporary directory's file system. Throws where this process may not mount. */
export async function mountOverlay(): Promise<SmallDisk> {
  const directory = await mkdtemp(join(tmpdir(), 'wavspool-overlay-'));
  const at = (name: string): string => join(directory, name);
  const path = at('merged');
  await Promise.all(['lower', 'upper', 'work', 'merged'].map((name) => mkdir(at(name))));
  const layers = `lowerdir=${at('lower')},upperdir=${at('upper')},workdir=${at('work')}`;
  await run('mount', ['-t', 'overlay', 'overlay', '-o', layers, path]);
  return {
    path: path,
    [Symbol.asyncDispose]: async () => {
      await run('umount', ['-l', path]);
      await rm(directory, { recursive: true });
    },
  };
}

/** Takes all the room that the disk has left. Returns the file that does it: removing it gives the room back. */
export async function fillDisk(disk: string): Promise<string> {
  const ballast = join(disk, 'ballast');
  await run('sh', ['-c', 'cat /dev/zero > "$0" 2>/dev/null || true', ballast]); // ends when the disk is full
  return ballast;
}
