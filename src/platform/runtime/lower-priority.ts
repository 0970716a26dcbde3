import { writeFileSync } from 'node:fs';
import { getPriority, setPriority } from 'node:os';
import { errnoOf } from '../../domain/faults.ts';

/** The kernel has no autogroups, keeps them from being written, as in a container, or had another one written a moment ago. */
const WITHOUT_AUTOGROUP: readonly unknown[] = ['ENOENT', 'EACCES', 'EPERM', 'EROFS', 'EAGAIN'];

const NICEST = 19;

/**
 * Lets others go before this process, which leads a session of its own, where the cores are scarce. `nice` is added to what it
 * has. A kernel with autogroups (sched(7)) weighs sessions against each other, whatever the nice values of their processes,
 * so the session gets it as well.
 */
export function lowerPriority(nice: number): void {
  setPriority(Math.min(getPriority() + nice, NICEST));
  try {
    writeFileSync('/proc/self/autogroup', String(nice));
  } catch (error) {
    if (!WITHOUT_AUTOGROUP.includes(errnoOf(error))) throw error;
  }
}
