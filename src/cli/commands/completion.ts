import type { Command } from 'commander';
import { WavspoolError } from '../../domain/faults.ts';
import { hint } from '../arguments.ts';
import { SHELLS, completionFor } from '../completion.ts';
import { surroundings } from '../surroundings.ts';

/** `completion`: `whole` makes the command line with every command, which this one alone needs. */
export function completionCommand(program: Command, whole: () => Promise<Command>): void {
  program
    .command('completion')
    .argument('<shell>', SHELLS.join(', '))
    .description('what a shell needs to complete commands and options')
    .action(async (name: string) => {
      const shell = SHELLS.find((known) => known === name);
      if (shell === undefined)
        throw new WavspoolError(
          'USAGE',
          `there is no completion for ${JSON.stringify(name)}: ${hint(name, SHELLS)}`,
        );
      surroundings().stdout.write(completionFor(shell, await whole()));
    });
}
