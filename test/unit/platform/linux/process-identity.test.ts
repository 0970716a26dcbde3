import { expect, test } from 'vitest';
import { isGone, ownIdentity } from '../../../../src/platform/linux/index.ts';

const [boot = '', namespace = '', pid = '', start = ''] = ownIdentity().split(' ');
const identity = (...parts: readonly string[]): string => parts.join(' ');

test.each([
  ['this process', ownIdentity(), false],
  ['one that had this pid before', identity(boot, namespace, pid, `${Number(start) - 1}`), true],
  ['one whose pid no process has', identity(boot, namespace, '4194304', start), true],
  ['one of another boot', identity('another', namespace, '4194304', start), false],
  ['one of another container', identity(boot, '1', '4194304', start), false],
  ['nonsense', 'nonsense', false],
])('%s', (_, whose, expected) => {
  expect(isGone(whose)).toBe(expected);
});
