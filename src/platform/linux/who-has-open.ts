import { readFile, readdir, readlink, stat } from 'node:fs/promises';
import { basename } from 'node:path';
import { errnoOf } from '../../domain/faults.ts';
import { identityOf, type FileIdentity } from './file-identity.ts';

/** A process that has a file open, under whatever path: through a bind mount or in a container too. */
export interface Opener {
  readonly pid: number;
  /** The name of its program. */
  readonly program: string;
  /** Whether it can write to the file. */
  readonly writes: boolean;
  /** False: at least one of its descriptors that write keeps an offset of its own, and goes on behind it after the file was cut. */
  readonly appends: boolean;
}

/** The bits of an open file's flags (fcntl.h) that say how it is used. */
const ACCESS_MODE = 0o3;
const O_APPEND = 0o2000;
const O_PATH = 0o10000000;
/** Inode number that the kernel gives the first of all process namespaces (PROC_PID_INIT_INO). */
const FIRST_PID_NAMESPACE = 'pid:[4026531836]';

/**
 * The processes that have one of these files open, by device and inode, this one included; its descriptors `exceptFds` do not
 * count. Those of other users are seen by root alone, those of an outer process namespace by no process here: see
 * {@link seesEveryProcess}. A system without /proc shows none.
 */
export async function whoHasOpen(
  files: ReadonlySet<FileIdentity>,
  exceptFds: ReadonlySet<number> = new Set(),
): Promise<readonly Opener[]> {
  const pids = (await namesIn('/proc')).filter((name) => /^\d+$/.test(name)).map(Number);
  const openers: Opener[] = [];
  for (const pid of pids) {
    const flags = await flagsOf(pid, files, pid === process.pid ? exceptFds : new Set());
    if (flags.length === 0) continue;
    const writing = flags.filter((flag) => (flag & ACCESS_MODE) !== 0);
    openers.push({
      pid,
      program: await programOf(pid),
      writes: writing.length > 0,
      appends: writing.every((flag) => (flag & O_APPEND) !== 0),
    });
  }
  return openers;
}

/**
 * Whether {@link whoHasOpen} sees every process of this machine: as root, and in the outermost process namespace. A container
 * of its own sees neither the host's processes nor those of other containers.
 */
export async function seesEveryProcess(): Promise<boolean> {
  if (process.geteuid?.() !== 0) return false;
  return (await unlessHidden(() => readlink('/proc/self/ns/pid'))) === FIRST_PID_NAMESPACE;
}

/** The flags of each of a process's descriptors of one of the files. */
async function flagsOf(
  pid: number,
  files: ReadonlySet<FileIdentity>,
  exceptFds: ReadonlySet<number>,
): Promise<readonly number[]> {
  const flags: number[] = [];
  for (const fd of await namesIn(`/proc/${pid}/fd`)) {
    if (exceptFds.has(Number(fd))) continue;
    const identity = await unlessHidden(async () =>
      identityOf(await stat(`/proc/${pid}/fd/${fd}`, { bigint: true })),
    );
    if (identity === undefined || !files.has(identity)) continue;
    const info = await textOf(`/proc/${pid}/fdinfo/${fd}`);
    const octal = /^flags:\s+([0-7]+)$/m.exec(info ?? '')?.[1];
    const value = octal === undefined ? undefined : Number.parseInt(octal, 8);
    if (value !== undefined && (value & O_PATH) === 0) flags.push(value);
  }
  return flags;
}

/** A thread may have renamed itself in `comm`; the program's file is what an operator knows it by. */
async function programOf(pid: number): Promise<string> {
  const file = await unlessHidden(() => readlink(`/proc/${pid}/exe`));
  if (file !== undefined) return basename(file).replace(/ \(deleted\)$/, '');
  return (await textOf(`/proc/${pid}/comm`))?.trim() ?? '?';
}

async function namesIn(directory: string): Promise<readonly string[]> {
  return (await unlessHidden(() => readdir(directory))) ?? [];
}

async function textOf(path: string): Promise<string | undefined> {
  return unlessHidden(() => readFile(path, 'latin1'));
}

/** Processes and descriptors come and go while they are looked at, and those of others are not ours to see. */
async function unlessHidden<T>(look: () => Promise<T>): Promise<T | undefined> {
  try {
    return await look();
  } catch (error) {
    if (['ENOENT', 'ESRCH', 'EACCES', 'EPERM', 'ENXIO', 'ENOTDIR'].includes(errnoOf(error) ?? ''))
      return undefined;
    throw error;
  }
}
