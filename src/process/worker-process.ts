import { parseArgs } from 'node:util';
import { messageOf } from '../domain/faults.ts';
import { WATCHDOG, runRoles, type Role, type Watchdog } from './run-roles.ts';

/** The whole of a worker's entry point: `--config FILE`, and `--beats` for a supervisor that counts them. Exits 2 for any other option. */
export async function runWorker(role: Role): Promise<void> {
  const { config, watchdog } = wordsOf(role.name, false);
  await runRoles([role], config, watchdog);
}

/** As {@link runWorker}, for one that runs those of `roles` that its arguments name. */
export async function runWorkers(name: string, roles: readonly Role[]): Promise<void> {
  const { config, named, watchdog } = wordsOf(name, true);
  const chosen = roles.filter((role) => named.includes(role.name));
  const isEach = chosen.length === named.length && chosen.length > 0;
  if (!isEach) refuse(name, `it runs ${roles.map((role) => role.name).join(', ')}: say which`);
  await runRoles(chosen, config, watchdog);
}

interface Words {
  readonly config?: string;
  readonly named: readonly string[];
  readonly watchdog: Watchdog;
}

function wordsOf(name: string, allowPositionals: boolean): Words {
  try {
    const options = { config: { type: 'string' }, beats: { type: 'boolean', default: false } } as const;
    const { values, positionals: named } = parseArgs({ options, allowPositionals });
    const { config, beats } = values;
    return { ...(config !== undefined && { config }), named, watchdog: { ...WATCHDOG, beats } };
  } catch (error) {
    return refuse(name, `${messageOf(error)}; the only option is --config FILE`);
  }
}

function refuse(name: string, why: string): never {
  process.stderr.write(`wavspool ${name}: ${why}\n`);
  process.exit(2);
}
