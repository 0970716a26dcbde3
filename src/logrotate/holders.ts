import { readFile, readdir, stat } from 'node:fs/promises';
import { errnoOf } from '../faults.ts';
import { identityOf, type FileIdentity } from './file-identity.ts';

/** A process that has a file open for writing. */
export interface Writer {
  readonly pid: number;
  readonly program: string;
  /** False: it keeps its own offset, and goes on behind it after the file was cut. */
  readonly appends: boolean;
}

/** The bits of an open file's flags (fcntl.h) that say how it is written. */
const ACCESS_MODE = 0o3;
const O_APPEND = 0o2000;

/**
 * The processes that have the file open for writing, this one included, which may log to it; its descriptor `exceptFd` does not
 * count. Those of other users are seen by root alone; a system without /proc shows none.
 */
export async function writersOf(file: FileIdentity, exceptFd?: number): Promise<readonly Writer[]> {
  const pids = (await namesIn('/proc')).filter((name) => /^\d+$/.test(name));
  const writers: Writer[] = [];
  for (const pid of pids) {
    const except = Number(pid) === process.pid ? exceptFd : undefined;
    const flags = await writingFlags(`/proc/${pid}`, file, except);
    if (flags.length === 0) continue;
    const program = (await textOf(`/proc/${pid}/comm`))?.trim() ?? '?';
    writers.push({ pid: Number(pid), program, appends: flags.every((flag) => (flag & O_APPEND) !== 0) });
  }
  return writers;
}

/** The flags of each of a process's descriptors that can write to the file. */
async function writingFlags(
  process: string,
  file: FileIdentity,
  exceptFd: number | undefined,
): Promise<readonly number[]> {
  const flags: number[] = [];
  for (const fd of await namesIn(`${process}/fd`)) {
    if (Number(fd) === exceptFd) continue;
    if ((await identityBehind(`${process}/fd/${fd}`)) !== file) continue;
    const info = await textOf(`${process}/fdinfo/${fd}`);
    const octal = /^flags:\s+([0-7]+)$/m.exec(info ?? '')?.[1];
    if (octal !== undefined) flags.push(Number.parseInt(octal, 8));
  }
  return flags.filter((flag) => (flag & ACCESS_MODE) !== 0);
}

async function identityBehind(link: string): Promise<FileIdentity | undefined> {
  return unlessGone(async () => identityOf(await stat(link, { bigint: true })));
}

async function namesIn(directory: string): Promise<readonly string[]> {
  return (await unlessGone(() => readdir(directory))) ?? [];
}

async function textOf(path: string): Promise<string | undefined> {
  return unlessGone(() => readFile(path, 'latin1'));
}

/** Processes and descriptors come and go while they are looked at, and those of others are not ours to see. */
async function unlessGone<T>(look: () => Promise<T>): Promise<T | undefined> {
  try {
    return await look();
  } catch (error) {
    if (['ENOENT', 'ESRCH', 'EACCES', 'EPERM', 'ENXIO', 'ENOTDIR'].includes(errnoOf(error) ?? ''))
      return undefined;
    throw error;
  }
}
