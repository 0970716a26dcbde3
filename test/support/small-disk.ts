import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
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

/** A disk that comes and goes at one path, as one does that an administrator mounts, with an empty directory beneath. */
export interface DiskThatGoes extends AsyncDisposable {
  readonly path: string;
  /** Takes it away, even while files on it are open. */
  unmount(): Promise<void>;
  /** Brings it back, with all that was on it. */
  mount(): Promise<void>;
  /** As the kernel does to a file system that it finds damaged. */
  readOnly(isSo: boolean): Promise<void>;
}

/** Mounts a disk at `path`, which is made. Throws where this process may not mount. */
export async function mountDiskThatGoes(path: string, mebibytes = 64): Promise<DiskThatGoes> {
  const disk = await mountSmallDisk(mebibytes);
  await mkdir(path, { recursive: true });
  let isMounted = false;
  const mount = async (): Promise<void> => {
    await run('mount', ['--bind', disk.path, path]);
    isMounted = true;
  };
  const unmount = async (): Promise<void> => {
    await run('umount', ['-l', path]);
    isMounted = false;
  };
  await mount();
  return {
    path,
    mount,
    unmount,
    readOnly: async (isSo) => {
      await run('mount', ['-o', `remount,bind,${isSo ? 'ro' : 'rw'}`, path]);
    },
    [Symbol.asyncDispose]: async () => {
      if (isMounted) await unmount();
      await disk[Symbol.asyncDispose]();
    },
  };
}

/** A file system on a disk of its own that can die: every read and write then gives EIO, until it is mounted again. */
export interface MortalDisk extends AsyncDisposable {
  readonly path: string;
  kill(): Promise<void>;
  /** Mounts it again, with what was on it. */
  revive(): Promise<void>;
}

const EXT4_IOC_SHUTDOWN = 0x80_04_58_7d;

/** Makes an ext4 in a file and mounts it at `path`, which is made. Throws where this process may not mount, or has no loop device. */
export async function mountMortalDisk(path: string, mebibytes = 64): Promise<MortalDisk> {
  const image = join(await mkdtemp(join(tmpdir(), 'wavspool-image-')), 'disk');
  await run('truncate', ['-s', `${mebibytes}M`, image]);
  await run('mkfs.ext4', ['-q', '-F', image]);
  await mkdir(path, { recursive: true });
  const mount = async (): Promise<void> => {
    await run('mount', ['-o', 'loop', image, path]);
  };
  await mount();
  return {
    path,
    kill: async () => {
      const script = `open(F, "<", $ARGV[0]) or die; $how = pack("L", 2); ioctl(F, ${EXT4_IOC_SHUTDOWN}, $how) or die "$!"`;
      await run('perl', ['-e', script, path]);
    },
    revive: async () => {
      await run('umount', ['-l', path]);
      await mount();
    },
    [Symbol.asyncDispose]: async () => {
      await run('umount', ['-l', path]);
      await rm(dirname(image), { recursive: true });
    },
  };
}
