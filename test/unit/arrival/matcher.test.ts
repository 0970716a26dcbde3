import { expect, test } from 'vitest';
import { tarMatcher } from '../../../src/arrival/index.ts';

const settings = {
  patterns: ['**/*.tar', '**/*.tar.gz'],
  temporary: ['**/*.part', '**/*.tmp', '**/.*'],
};

test.each([
  ['file1.tar', true],
  ['2025/09/01/file1.tar', true],
  ['2025/09/01/file1.tar.gz', true],
  ['.hidden/file1.tar', true],
  ['2025/with space/(a) [b] {c}.tar', true],
  ['2025/.file1.tar', false],
  ['.file1.tar', false],
  ['file1.tar.part', false],
  ['file1.TAR', false],
  ['file1.tar.done', false],
  ['tar', false],
])('%s: %s', (path, expected) => {
  expect(tarMatcher(settings)(path)).toBe(expected);
});

test('without temporary names every tar counts', () => {
  const matches = tarMatcher({ patterns: ['**/*.tar', '**/*.part'], temporary: [] });
  expect(matches('a/.b.tar')).toBe(true);
  expect(matches('a/b.part')).toBe(true);
});
