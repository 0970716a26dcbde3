import { resolve } from 'node:path';
import type { Command } from 'commander';
import { trace, type Trace } from '../../trace/index.ts';
import { printJson, printLines } from '../output.ts';
import { withApp } from '../with-app.ts';

/** `trace`: everything known about one tar or recording. */
export function traceCommand(program: Command): void {
  program
    .command('trace')
    .argument('<path>', 'a tar or a recording: its path, or its key')
    .description('everything known about one tar or recording; exit 1 if nothing is')
    .action((path: string, _options, command: Command) =>
      withApp(command, async (app, { json }) => {
        const found = await trace(app, path.startsWith('/') ? path : resolve(path));
        if (json) printJson(found);
        else printLines(describe(found));
        return found.kind === 'unknown' ? 1 : 0;
      }),
    );
}

function describe(found: Trace): readonly string[] {
  const fields = (value: object, indent: string): string[] =>
    Object.entries(value).flatMap(([name, field]) => {
      if (field === undefined || field === null) return [];
      if (typeof field === 'object') return [`${indent}${name}:`, ...fields(field as object, `${indent}  `)];
      return [`${indent}${name}: ${String(field)}`];
    });
  return fields(found, '');
}
