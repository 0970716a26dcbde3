import { fileURLToPath } from 'node:url';
import type { Command } from 'commander';
import { up } from '../../process/up/index.ts';
import { calledWith } from '../surroundings.ts';
import { globalOptions } from '../global-options.ts';

/** `up`: the whole fleet of this host. */
export function upCommand(program: Command): void {
  program
    .command('up')
    .description(
      'every role, as child processes that are restarted when they die, with an embedded Redis where none is set',
    )
    .action(async (_options, command: Command) => {
      const called = calledWith(globalOptions(command));
      await up(called, fileURLToPath(new URL('../../../workers', import.meta.url)));
    });
}
