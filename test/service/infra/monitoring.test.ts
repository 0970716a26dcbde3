import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';

const run = promisify(execFile);

test('Prometheus takes the rules, and each alert fires for its problem, not before its time, and ends with it', async () => {
  const { stdout } = await run('promtool', ['check', 'rules', 'infra/monitoring/wavspool.rules.yml']);
  expect(stdout).toContain('SUCCESS');
  const tested = await run('promtool', ['test', 'rules', 'infra/monitoring/wavspool.rules.test.yml']);
  expect(tested.stdout).toContain('SUCCESS');
});
