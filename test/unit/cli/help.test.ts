import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Command } from 'commander';
import { expect, test } from 'vitest';
import { HELP, exitsOf, helpText } from '../../../src/cli/help.ts';
import { commandIn, loadProgram, outlinedProgram } from '../../../src/cli/program.ts';

const DOCUMENT = readFileSync(join(import.meta.dirname, '../../../docs/commands.md'), 'utf8');

/** Every command that does something, by its names. */
function leaves(command: Command, names: readonly string[] = []): readonly (readonly [string, Command])[] {
  if (command.commands.length === 0) return [[names.join(' '), command]];
  return command.commands.flatMap((sub) => leaves(sub, [...names, sub.name()]));
}

/** What a command prints for `--help`. */
function helpOf(command: Command): string {
  let text = '';
  command.configureOutput({ writeOut: (part) => (text += part) });
  command.outputHelp();
  return text;
}

/** The words of a line as a shell makes them. */
function words(line: string): readonly string[] {
  return [...line.matchAll(/"([^"]*)"|\S+/g)].map(([word, quoted]) => quoted ?? word);
}

test('every command has examples and exit codes in its help, and there is no help without a command', async () => {
  const commands = leaves(await loadProgram([]));
  expect(commands.map(([name]) => name).toSorted()).toEqual(Object.keys(HELP).toSorted());
  for (const [name, command] of commands) {
    const help = helpOf(command);
    expect(command.description(), name).not.toBe('');
    for (const option of command.options) expect(option.description, `${name} ${option.flags}`).not.toBe('');
    expect(HELP[name]?.examples.length, name).toBeGreaterThan(0);
    for (const [line] of HELP[name]?.examples ?? []) expect(help, name).toContain(line);
    for (const [code, meaning] of HELP[name] === undefined ? [] : exitsOf(HELP[name]))
      expect(help, name).toContain(`${String(code).padStart(5)}  ${meaning}`);
  }
});

test.each(
  Object.entries(HELP).flatMap(([name, { examples }]) => examples.map(([line]) => [name, line] as const)),
)('%s: the example is one that the command line takes: %s', async (name, line) => {
  const [first, ...args] = words(line);
  expect(first).toBe('wavspool');
  const program = await loadProgram(args);
  const reached: string[] = [];
  for (const [of, command] of leaves(program)) command.action(() => void reached.push(of));

  await program.parseAsync([...args], { from: 'user' });

  expect(reached).toEqual([name]);
});

test('the help keeps to 80 columns', () => {
  for (const [name, help] of Object.entries(HELP))
    for (const line of helpText(help).split('\n'))
      expect(line.length, `${name}: ${line}`).toBeLessThanOrEqual(80);
});

test('the document names the exit codes of every command as its help does', () => {
  const told = [...DOCUMENT.matchAll(/^\| `([a-z ]+)` +\| (\d+) +\| (.+?) +\|$/gm)].map(
    ([, name, code, meaning]) => [name, code, meaning].join(': '),
  );
  const meant = Object.entries(HELP).flatMap(([name, help]) =>
    exitsOf(help)
      .filter(([code, meaning]) => !(code === 2 && meaning === 'usage or settings') && code !== 130)
      .filter(([code, meaning]) => !(code === 0 && meaning === 'done'))
      .map(([code, meaning]) => [name, code, meaning].join(': ')),
  );
  expect(told).toEqual(meant);
});

test('who names no command gets the list of all, though none of them is loaded', async () => {
  expect(outlinedProgram().helpInformation()).toBe((await loadProgram([])).helpInformation());
  for (const line of [[], ['--help'], ['help'], ['statsu'], ['--config', 'status', 'help']])
    expect(commandIn(line), line.join(' ')).toBeUndefined();
  expect(commandIn(['--json', 'status', '--help'])).toBe('status');
});
