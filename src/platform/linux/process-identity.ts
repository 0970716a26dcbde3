import { readFileSync, readlinkSync } from 'node:fs';
import { errnoOf } from '../../domain/faults.ts';

/**
 * What no other process is called, for as long as this machine runs: its boot, its pid namespace, its pid and when it was started.
 * A pid alone comes again.
 */
export function ownIdentity(): string {
  return [...ownSurroundings(), process.pid, startOf(process.pid) ?? ''].join(' ');
}

/**
 * True when the process with that identity is known to be gone. False while it lives, also when it stands still, and for one that
 * cannot be seen from here: another host's, another boot's, another container's.
 */
export function isGone(identity: string): boolean {
  const [boot, namespace, pid, start] = identity.split(' ');
  const [ownBoot, ownNamespace] = ownSurroundings();
  if (boot !== ownBoot || namespace !== ownNamespace || pid === undefined || start === undefined)
    return false;
  return startOf(Number(pid)) !== start;
}

function ownSurroundings(): readonly [string, string] {
  return [
    readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim(),
    readlinkSync('/proc/self/ns/pid').replaceAll(/\D/g, ''),
  ];
}

/** When a process was started, in the kernel's ticks since boot (proc(5), field 22 of stat); undefined when there is none. */
function startOf(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const [state, ...fields] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return state === 'Z' || state === 'X' ? undefined : fields[18];
  } catch (error) {
    if (errnoOf(error) === 'ENOENT' || errnoOf(error) === 'ESRCH') return undefined;
    throw error;
  }
}
