import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { howCalled } from '../../../src/cli/how-called.ts';

const root = mkdtempSync(join(tmpdir(), 'wavspool-called-'));
afterAll(() => rmSync(root, { recursive: true }));
mkdirSync(join(root, 'checkout/.git'), { recursive: true });
const checkout = join(root, 'checkout');

test.each([
  ['npm run', { npm_lifecycle_event: 'wavspool', npm_command: 'run-script' }, root, 'npm run -s wavspool --'],
  ['npx', { npm_lifecycle_event: 'npx', npm_command: 'exec' }, root, 'npx wavspool'],
  ['node in a checkout', {}, checkout, 'npm run -s wavspool --'],
  ['a wrapper on the PATH, from elsewhere', {}, root, 'wavspool'],
])('%s: what comes next is typed as this was', (_, env, cwd, called) => {
  expect(howCalled(env, join(checkout, 'bin/wavspool.js'), cwd)).toBe(called);
});
