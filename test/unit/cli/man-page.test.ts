import { expect, test } from 'vitest';
import { HELP } from '../../../src/cli/help.ts';
import { manPage } from '../../../src/cli/man-page.ts';
import { loadProgram } from '../../../src/cli/program.ts';

const OF = { version: '1.2.3', date: '2026-11-29' };

test('the man page has every command with its options, examples and exit codes', async () => {
  const program = await loadProgram([]);
  const page = manPage(program, OF);
  const plain = page.replaceAll('\\-', '-').replaceAll('\\(aq', "'");
  for (const [name, { examples }] of Object.entries(HELP)) {
    expect(plain).toContain(`.SS "wavspool ${name}"`);
    for (const [line] of examples) expect(plain).toContain(line);
  }
  for (const command of program.commands)
    for (const { flags } of command.options) expect(plain).toContain(`\\fB${flags}\\fR`);
  expect(page).not.toMatch(/undefined|null,/);
});
