import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { residentBytes } from '../../../../src/platform/runtime/index.ts';

const run = promisify(execFile);

test('what this process holds is told in bytes', () => {
  expect(residentBytes()).toBeGreaterThan(1024 * 1024);
});

test('a process that has no descriptor left lives on, and says that it cannot tell', async () => {
  const module = new URL('../../../../src/platform/runtime/resident-bytes.ts', import.meta.url).href;
  const script = `
    import { openSync } from 'node:fs';
    import { residentBytes } from ${JSON.stringify(module)};
    const known = residentBytes();
    try { for (;;) openSync('/dev/null'); } catch (error) { if (error.code !== 'EMFILE') throw error; }
    const unknown = residentBytes();
    process.stdout.write(known > 0 && unknown === undefined ? 'lives' : 'known=' + known + ' unknown=' + unknown);`;
  const node = [process.execPath, '--input-type=module', '--eval', script];
  const { stdout } = await run('prlimit', ['--nofile=64', ...node]);
  expect(stdout).toBe('lives');
});
