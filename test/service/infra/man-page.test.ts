import { spawnSync } from 'node:child_process';
import { expect, test } from 'vitest';
import { manPage } from '../../../src/cli/man-page.ts';
import { loadProgram } from '../../../src/cli/program.ts';

test('a roff formatter has nothing to say about the man page', async () => {
  const input = manPage(await loadProgram([]), { version: '1.2.3', date: '2026-11-29' });
  const { stderr, stdout, status } = spawnSync('groff', ['-man', '-Tascii', '-ww', '-P-cbou'], {
    input,
    encoding: 'utf8',
  });
  expect([status, stderr]).toEqual([0, '']);
  expect(stdout).toContain('wavspool requeue --cause network --canary 5');
});
