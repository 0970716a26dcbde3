import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';

const run = promisify(execFile);

test('the demo of a fleet fails over Redis and PostgreSQL, and ends with every recording of every site verified', async () => {
  const { stdout } = await run(process.execPath, ['infra/demo/fleet.ts', '--tars', '2', '--recordings', '5']);
  expect(stdout).toContain('Redis: its master');
  expect(stdout).toMatch(/PostgreSQL: the standby at port \d+ was promoted/);
  expect(stdout).toMatch(/recordings in the bucket/);
  for (const site of ['north', 'south', 'west'])
    expect(stdout).toMatch(new RegExp(`│ ${site} +│ 2 +│ 10 +│ \\d+ +│ 10 of 10 +│ clean +│`));
});
