import type { RoleName } from '../../domain/role-names.ts';

/** A process of `up`, and the roles in it. */
export interface RoleProcess {
  readonly name: string;
  /** Its entry point below `workers/`. */
  readonly entry: string;
  readonly roles: readonly RoleName[];
}

/** Those that mostly wait, and that no recording goes through. */
const CONTROL: readonly RoleName[] = ['watch', 'maintain', 'dashboard'];

/**
 * Which processes run the roles that a host uses: `each` has one for every role; `few` has one, called control, for those that mostly
 * wait, beside extract and upload, so that neither the bytes nor a slow disk hold up a watcher or a page. Pure.
 */
export function processesFor(used: readonly RoleName[], processes: 'few' | 'each'): readonly RoleProcess[] {
  const together = processes === 'few' ? CONTROL.filter((role) => used.includes(role)) : [];
  if (together.length < 2) return used.map(alone);
  const control = { name: 'control', entry: 'control.js', roles: together };
  return [control, ...used.filter((role) => !together.includes(role)).map(alone)];
}

function alone(role: RoleName): RoleProcess {
  return { name: role, entry: `${role}.js`, roles: [role] };
}
