import type { Command } from 'commander';
import { globalOptions } from '../global-options.ts';
import { printJson, printLines } from '../output.ts';
import { versionOf } from '../version.ts';

/** `version`: needs neither settings nor a service. */
export function versionCommand(program: Command): void {
  program
    .command('version')
    .description('version, commit, Node and the schema of state.db')
    .action((_options, command: Command) => {
      const version = versionOf();
      if (globalOptions(command).json) printJson(version);
      else printLines(inWords(version));
    });
}

function inWords({ version, commit, node, schema }: ReturnType<typeof versionOf>): readonly string[] {
  return [
    `wavspool ${version}${commit === null ? '' : ` (${commit.slice(0, 12)})`}, Node ${node.slice(1)}, schema ${schema}`,
  ];
}
