import type { Command } from 'commander';
import { mirrorNow } from '../../host/index.ts';
import { printError, printJson, printLines } from '../output.ts';
import { withHost } from '../with-app.ts';

/** `mirror`: a directory's mirror, now. */
export function mirrorCommand(program: Command): void {
  program
    .command('mirror <name>')
    .description(
      'mirror directories into a dated tree, as the settings say; prints its path, exit 1 if it is in doubt',
    )
    .action((name: string, _flags: object, command: Command) =>
      withHost(command, async (host, { json }, signal) => {
        const done = await mirrorNow(host, name, signal);
        if (json) printJson(done);
        else {
          printLines([done.path]);
          done.notes.forEach(printError);
          if (done.doubt !== undefined)
            printError(`it is in doubt: ${done.doubt}; until "snapshots confirm ${name}" nothing goes`);
        }
        return done.doubt === undefined ? 0 : 1;
      }),
    );
}
