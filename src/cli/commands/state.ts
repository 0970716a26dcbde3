import type { Command } from 'commander';
import { WavspoolError } from '../../domain/faults.ts';
import { networkLedger } from '../../platform/config/index.ts';
import { migratePostgres } from '../../platform/state/index.ts';
import { copyLedger } from '../../process/copy-ledger.ts';
import { openSettingsApp } from '../../process/app.ts';
import { globalOptions } from '../global-options.ts';
import { printJson, printLines } from '../output.ts';
import { calledWith, endWith } from '../surroundings.ts';

/** `state migrate` and `state copy`: what an operator does to a ledger as a whole. */
export function stateCommands(program: Command): void {
  const state = program.command('state').description('the ledger that state.url names');
  state
    .command('migrate')
    .description('make or renew the tables of a ledger on PostgreSQL; roles only look at them')
    .action((_options, command: Command) => migrate(command));
  state
    .command('copy')
    .requiredOption(
      '--to <url>',
      'sqlite:FILE, or postgres://user@host/database, whose tables are made already',
    )
    .description('copy the rows of this site to another ledger, and compare the two; wavspool is stopped')
    .action(({ to }: { to: string }, command: Command) => copy(to, command));
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

async function copy(to: string, command: Command): Promise<void> {
  const options = globalOptions(command);
  const app = openSettingsApp(calledWith(options));
  try {
    const copied = await copyLedger(app.settings, to);
    if (options.json) printJson(copied);
    else
      printLines([
        `${copied.tars} tars and ${copied.recordings} recordings of ${copied.from} are in ${copied.to}, the same (${copied.sha256})`,
        'Name it in state.url now; what was copied stays where it is',
      ]);
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
