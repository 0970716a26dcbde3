import type { Command } from 'commander';
import { exportTablesNow } from '../../maintenance/catalogue/index.ts';
import { printJson, printLines } from '../output.ts';
import { withHost } from '../with-app.ts';

/** `export`: one of a database's exports, now. */
export function exportCommand(program: Command): void {
  program
    .command('export <database> <name>')
    .description('write tables of a database as SQL, as one of its exports says; prints the path')
    .action((database: string, name: string, _flags: object, command: Command) =>
      withHost(command, async (host, { json }, signal) => {
        const done = await exportTablesNow(host, database, name, signal);
        if (json) printJson(done);
        else printLines([done.path]);
        return 0;
      }),
    );
}
