import { expect, test } from 'vitest';
import { isScreen } from '../../../src/web/screens.ts';

test.each([
  ['/', true],
  ['/failures', true],
  ['/failures/', true],
  ['/recordings/IkEi', true],
  ['/tars/IkEi-_', true],
  ['/tars/a/b', false],
  ['/failures/x', false],
  ['/api/status', false],
  ['/recordings/<b>', false],
  ['//evil', false],
])('%s is a screen: %s', (path, expected) => {
  expect(isScreen(path)).toBe(expected);
});
