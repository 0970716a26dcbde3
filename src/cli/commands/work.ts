import type { Command } from 'commander';
import { WavspoolError } from '../../domain/faults.ts';
import { runRoles, type Role } from '../../process/run-roles.ts';
import { ROLES, type RoleName } from '../../domain/role-names.ts';
import { hint } from '../arguments.ts';
import { globalOptions } from '../global-options.ts';

/** `work`: roles that stay, in this process. */
export function workCommand(program: Command): void {
  program
    .command('work')
    .argument('<role...>', ROLES.join(', '))
    .description('one or more roles in this process, for systemd and containers')
    .action(async (names: string[], _options, command: Command) => {
      const unknown = names.find((name) => !(ROLES as readonly string[]).includes(name));
      if (unknown !== undefined) {
        throw new WavspoolError(
          'USAGE',
          `there is no role ${JSON.stringify(unknown)}: ${hint(unknown, ROLES)}`,
        );
      }
      const roles = await Promise.all([...new Set(names as RoleName[])].map(loadRole));
      await runRoles(roles, globalOptions(command).config);
    });
}

/** Loaded when it is needed: a watcher has no use for the S3 client's memory. */
async function loadRole(name: RoleName): Promise<Role> {
  const load: Readonly<Record<RoleName, () => Promise<Role>>> = {
    watch: async () => (await import('../../process/roles/watch.ts')).watchRole,
    extract: async () => (await import('../../process/roles/extract.ts')).extractRole,
    upload: async () => (await import('../../process/roles/upload.ts')).uploadRole,
    maintain: async () => (await import('../../process/roles/maintain.ts')).maintainRole,
    dashboard: async () => (await import('../../process/roles/dashboard.ts')).dashboardRole,
  };
  return load[name]();
}
