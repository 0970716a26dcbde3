import { readFile, readdir, readlink } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { errnoOf } from '../faults.ts';

/** A process that has a database open. */
export interface Holder {
  readonly pid: number;
  /** The name of its program. */
  readonly program: string;
}

const OF_A_DATABASE = ['', '-wal', '-shm', '-journal'];
/** What the kernel says of processes of others, and of those that are gone by now. */
const NOT_TOLD = new Set(['ENOENT', 'EACCES', 'EPERM', 'ESRCH']);

/**
 * The processes, other than this one, that have the database at the resolved `path` open, as far as this user may know:
 * what `/proc` shows of other users' processes needs root.
 */
export async function holdersOf(path: string): Promise<readonly Holder[]> {
  const files = new Set(OF_A_DATABASE.map((part) => path + part));
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name)).map(Number);
  const holders: Holder[] = [];
  for (const pid of pids) {
    if (pid === process.pid || !(await hasOpen(pid, files))) continue;
    // a thread may have renamed itself in `comm`; the program's file is what an operator knows it by
    const file = await readlink(`/proc/${pid}/exe`).catch(unlessNotTold);
    const program = file ?? (await readFile(`/proc/${pid}/comm`, 'utf8').catch(unlessNotTold));
    if (program !== undefined) holders.push({ pid, program: basename(program.trim()) });
  }
  return holders;
}

async function hasOpen(pid: number, files: ReadonlySet<string>): Promise<boolean> {
  const directory = `/proc/${pid}/fd`;
  for (const fd of (await readdir(directory).catch(unlessNotTold)) ?? []) {
    const target = await readlink(join(directory, fd)).catch(unlessNotTold);
    if (target !== undefined && files.has(target)) return true;
  }
  return false;
}

function unlessNotTold(error: unknown): undefined {
  if (NOT_TOLD.has(errnoOf(error) ?? '')) return undefined;
  throw error;
}
