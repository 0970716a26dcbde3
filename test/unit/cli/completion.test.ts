import { execFileSync } from 'node:child_process';
import { expect, test } from 'vitest';
import { SHELLS, completionFor } from '../../../src/cli/completion.ts';
import { loadProgram } from '../../../src/cli/program.ts';
import { versionOf } from '../../../src/cli/version.ts';
import { runCommand } from '../../support/run-command.ts';

/** What bash offers behind these words. */
async function offered(...words: readonly string[]): Promise<readonly string[]> {
  const script = `${completionFor('bash', await loadProgram([]))}
COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _wavspool; printf '%s\\n' "\${COMPREPLY[@]}"`;
  return execFileSync('bash', ['-c', script, 'bash', ...words], { encoding: 'utf8' })
    .trim()
    .split('\n');
}

test('bash completes commands, their commands and their options', async () => {
  expect(await offered('wavspool', 'sna')).toEqual(['snapshot', 'snapshots']);
  expect(await offered('wavspool', 'snapshots', 'ver')).toEqual(['verify']);
  expect(await offered('wavspool', 'requeue', '--can')).toEqual(['--canary']);
  expect(await offered('wavspool', 'restore', 'state', '--fr')).toEqual(['--from']);
  expect(await offered('wavspool', '--config', '/etc/x.yaml', 'aud')).toEqual(['audit']);
});

test('every shell gets every command', async () => {
  const program = await loadProgram([]);
  for (const shell of SHELLS) {
    const text = completionFor(shell, program);
    for (const command of program.commands) expect(text).toContain(command.name());
  }
});

test('the version says what it was made from', () => {
  const { version, commit, node, schema } = versionOf();
  expect([version, node]).toEqual([expect.stringMatching(/^\d+\.\d+\.\d+$/), process.version]);
  expect(commit === null || /^[0-9a-f]{40}$/.test(commit)).toBe(true);
  expect(schema).toBeGreaterThan(0);
});

test('--version says what the command version says, wherever it stands', async () => {
  const asCommand = await runCommand(['version', '--json']);
  for (const line of [
    ['--version', '--json'],
    ['--json', '--version'],
    ['--config', 'none.yaml', '--version', '--json'],
  ])
    expect(await runCommand(line)).toEqual(asCommand);
  expect((await runCommand(['--version'])).stdout).toMatch(/^wavspool \d/);
});
