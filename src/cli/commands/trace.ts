import type { Command } from 'commander';
import { trace } from '../../trace/index.ts';
import { outline, printJson, printLines } from '../output.ts';
import { withApp } from '../with-app.ts';

/** `trace`: everything known about one tar or recording. */
export function traceCommand(program: Command): void {
  program
    .command('trace')
    .argument('<path>', 'a tar or a recording: its path, also below the landing directory, or its key')
    .description('everything known about one tar or recording; exit 1 if nothing is')
    .action((path: string, _options, command: Command) =>
      withApp(command, async (app, { json }) => {
        const found = await trace(app, path);
        if (json) printJson(found);
        else printLines(outline(found));
        return found.kind === 'unknown' ? 1 : 0;
      }),
    );
}
