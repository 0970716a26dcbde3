import { fileURLToPath } from 'node:url';
import type { Command } from 'commander';
import { WavspoolError } from '../../faults.ts';
import { ROLES, runRoles, type Role, type RoleName } from '../../role.ts';
import { up } from '../../up/index.ts';
import { globalOptions } from '../with-app.ts';

/** `up` and `work`: the commands that stay. */
export function runCommands(program: Command): void {
  program
    .command('up')
    .description(
      'every role, as child processes that are restarted when they die, with an embedded Redis where none is set',
    )
    .action(async (_options, command: Command) => {
      await up(globalOptions(command).config, fileURLToPath(new URL('../../../workers', import.meta.url)));
    });
  program
    .command('work')
    .argument('<role...>', ROLES.join(', '))
    .description('one or more roles in this process, for systemd and containers')
    .action(async (names: string[], _options, command: Command) => {
      const unknown = names.find((name) => !(ROLES as readonly string[]).includes(name));
      if (unknown !== undefined) {
        throw new WavspoolError('USAGE', `there is no role ${unknown}; there are ${ROLES.join(', ')}`);
      }
      const roles = await Promise.all([...new Set(names as RoleName[])].map(loadRole));
      await runRoles(roles, globalOptions(command).config);
    });
}

/** Loaded when it is needed: a watcher has no use for the S3 client's memory. */
async function loadRole(name: RoleName): Promise<Role> {
  const load: Readonly<Record<RoleName, () => Promise<Role>>> = {
    watch: async () => (await import('../../rescan/index.ts')).watchRole,
    extract: async () => (await import('../../extract/index.ts')).extractRole,
    upload: async () => (await import('../../upload/index.ts')).uploadRole,
    maintain: async () => (await import('../../maintain/index.ts')).maintainRole,
    dashboard: async () => (await import('../../dashboard/index.ts')).dashboardRole,
  };
  return load[name]();
}
