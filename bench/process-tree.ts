import { readFileSync, readdirSync } from 'node:fs';

const TICKS_PER_SECOND = 100; // what USER_HZ is on every Linux that Node runs on

export interface Usage {
  /** User and system time of the process and all below it, those that have ended included. */
  readonly cpuSeconds: number;
  /** The peaks of all that still run, added up. */
  readonly peakRssBytes: number;
  /** The largest of them. */
  readonly largestRssBytes: number;
}

/** What a process and all below it have used so far. */
export function usageOf(root: number): Usage {
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
  const below = [...parents.keys()].filter((pid) => isBelow(pid, root, parents));
  const peaks = below.map((pid) => peakRss(pid));
  return {
    cpuSeconds: below.reduce((sum, pid) => sum + (cpu.get(pid) ?? 0), 0),
    peakRssBytes: peaks.reduce((sum, bytes) => sum + bytes, 0),
    largestRssBytes: Math.max(0, ...peaks),
  };
}

function isBelow(pid: number, root: number, parents: ReadonlyMap<number, number>): boolean {
  for (let at: number | undefined = pid; at !== undefined && at !== 0; at = parents.get(at))
    if (at === root) return true;
  return false;
}

function peakRss(pid: number): number {
  const [, kib = '0'] = /VmHWM:\s+(\d+)/.exec(read(`/proc/${pid}/status`) ?? '') ?? [];
  return Number(kib) * 1024;
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined; // it has ended
  }
}
