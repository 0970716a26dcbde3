import { parseArgs } from 'node:util';
import { messageOf } from '../domain/faults.ts';
import { runRoles, type Role } from './run-roles.ts';

/** The whole of a worker's entry point: `--config FILE` is its only option. Exits 2 for any other. */
export async function runWorker(role: Role): Promise<void> {
  let config: string | undefined;
  try {
    ({ config } = parseArgs({ options: { config: { type: 'string' } } }).values);
  } catch (error) {
    process.stderr.write(`wavspool ${role.name}: ${messageOf(error)}; the only option is --config FILE\n`);
    process.exit(2);
  }
  await runRoles([role], config);
}
