import { parseArgs } from 'node:util';
import { messageOf } from '../domain/faults.ts';
import { runRoles, type Role } from './run-roles.ts';

/** The whole of a worker's entry point: `--config FILE` is its only option. Exits 2 for any other. */
export async function runWorker(role: Role): Promise<void> {
  await runRoles([role], configOf(role.name, false).config);
}

/** As {@link runWorker}, for one that runs those of `roles` that its arguments name. */
export async function runWorkers(name: string, roles: readonly Role[]): Promise<void> {
  const { config, named } = configOf(name, true);
  const chosen = roles.filter((role) => named.includes(role.name));
  const isEach = chosen.length === named.length && chosen.length > 0;
  if (!isEach) refuse(name, `it runs ${roles.map((role) => role.name).join(', ')}: say which`);
  await runRoles(chosen, config);
}

function configOf(name: string, allowPositionals: boolean): { config?: string; named: readonly string[] } {
  try {
    const parsed = parseArgs({ options: { config: { type: 'string' } }, allowPositionals });
    const { config } = parsed.values;
    return { ...(config !== undefined && { config }), named: parsed.positionals };
  } catch (error) {
    return refuse(name, `${messageOf(error)}; the only option is --config FILE`);
  }
}

function refuse(name: string, why: string): never {
  process.stderr.write(`wavspool ${name}: ${why}\n`);
  process.exit(2);
}
