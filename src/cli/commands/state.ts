import type { Command } from 'commander';
import { WavspoolError } from '../../domain/faults.ts';
import { networkLedger } from '../../platform/config/index.ts';
import { migratePostgres } from '../../platform/state/index.ts';
import { openSettingsApp } from '../../process/app.ts';
import { globalOptions } from '../global-options.ts';
import { printJson, printLines } from '../output.ts';
import { calledWith, endWith } from '../surroundings.ts';

/** `state migrate`: what only somebody with rights to make tables does to a ledger. */
export function stateCommands(program: Command): void {
  const state = program.command('state').description('the ledger that state.url names');
  state
    .command('migrate')
    .description('make or renew the tables of a ledger on PostgreSQL; roles only look at them')
    .action((_options, command: Command) => migrate(command));
}

async function migrate(command: Command): Promise<void> {
  const options = globalOptions(command);
  const app = openSettingsApp(calledWith(options));
  try {
    const address = networkLedger(app.settings);
    if (address === undefined)
      throw new WavspoolError(
        'USAGE',
        `the ledger is ${app.settings.paths.state}, which every role brings up to date by itself: state.url names no PostgreSQL`,
      );
    const migrated = await migratePostgres({ address, clock: app.clock, random: app.random });
    if (options.json) printJson(migrated);
    else printLines([inWords(migrated)]);
    endWith(0);
  } finally {
    app.close();
  }
}

function inWords({ ledger, before, now }: Awaited<ReturnType<typeof migratePostgres>>): string {
  if (before === 0) return `${ledger} has its tables now, schema ${now}`;
  return before === now
    ? `${ledger} has schema ${now} already`
    : `${ledger} had schema ${before} and has schema ${now} now`;
}
