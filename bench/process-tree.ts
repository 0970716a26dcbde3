import { readFileSync, readdirSync } from 'node:fs';
import { basename } from 'node:path';

const TICKS_PER_SECOND = 100; // what USER_HZ is on every Linux that Node runs on

export interface Usage {
  /** User and system time of the process and all below it, those that have ended included. */
  readonly cpuSeconds: number;
  /** The peaks of all that still run, added up. */
  readonly peakRssBytes: number;
  /** The largest of them. */
  readonly largestRssBytes: number;
  /** What they gave the disk to write, those that have ended included, less what was cut off again before it was written. */
  readonly writtenBytes: number;
}

export interface ProcessMemory {
  /** Its program without path and suffix: of a role, the role's name. */
  readonly name: string;
  readonly rssBytes: number;
  readonly peakRssBytes: number;
}

/** What a process and all below it have used so far. */
export function usageOf(root: number): Usage {
  const tree = treeOf(root);
  const peaks = tree.map(({ pid }) => memoryOf(pid).peakRssBytes);
  return {
    cpuSeconds: tree.reduce((sum, one) => sum + one.cpuSeconds, 0),
    peakRssBytes: peaks.reduce((sum, bytes) => sum + bytes, 0),
    largestRssBytes: Math.max(0, ...peaks),
    writtenBytes: tree.reduce((sum, { pid }) => sum + writtenBy(pid), 0),
  };
}

/** With that of its children that have ended. Not the journal's: the kernel writes that for no process in particular. */
function writtenBy(pid: number): number {
  const io = read(`/proc/${pid}/io`) ?? '';
  const bytes = (field: string): number => Number(new RegExp(`^${field}: (\\d+)`, 'm').exec(io)?.[1] ?? '0');
  return bytes('write_bytes') - bytes('cancelled_write_bytes');
}

/** The memory of a process and of each below it. */
export function memoryBelow(root: number): readonly ProcessMemory[] {
  return treeOf(root).map(({ pid }) => memoryOf(pid));
}

function treeOf(root: number): readonly { readonly pid: number; readonly cpuSeconds: number }[] {
  const parents = new Map<number, number>();
  const cpu = new Map<number, number>();
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    const stat = read(`/proc/${name}/stat`);
    if (stat === undefined) continue;
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const [utime, stime, cutime, cstime] = fields.slice(11, 15).map(Number);
    parents.set(Number(name), Number(fields[1]));
    cpu.set(Number(name), ((utime ?? 0) + (stime ?? 0) + (cutime ?? 0) + (cstime ?? 0)) / TICKS_PER_SECOND);
  }
  return [...cpu]
    .filter(([pid]) => isBelow(pid, root, parents))
    .map(([pid, cpuSeconds]) => ({ pid, cpuSeconds }));
}

function isBelow(pid: number, root: number, parents: ReadonlyMap<number, number>): boolean {
  for (let at: number | undefined = pid; at !== undefined && at !== 0; at = parents.get(at))
    if (at === root) return true;
  return false;
}

function memoryOf(pid: number): ProcessMemory {
  const status = read(`/proc/${pid}/status`) ?? '';
  const bytes = (field: string): number =>
    Number(new RegExp(`^${field}:\\s+(\\d+)`, 'm').exec(status)?.[1] ?? '0') * 1024;
  return { name: programOf(pid), rssBytes: bytes('VmRSS'), peakRssBytes: bytes('VmHWM') };
}

/** The script of a Node process, the first word of another's command line: Redis puts its address behind it. */
function programOf(pid: number): string {
  const words = (read(`/proc/${pid}/cmdline`) ?? '').split('\0');
  const script = words.find((word) => /\.[jt]s$/.test(word)) ?? words[0] ?? '';
  return basename(script.split(' ', 1)[0] ?? '').replace(/\.[jt]s$/, '');
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined; // it has ended
  }
}
