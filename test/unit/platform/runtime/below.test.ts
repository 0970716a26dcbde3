import { expect, test } from 'vitest';
import { isBelow, isWithin, pathBelow } from '../../../../src/platform/runtime/index.ts';

test.each([
  ['/a', '/a/b.db', 'b.db'],
  ['/a', '/a/..b/c', '..b/c'],
  ['/', '/a', 'a'],
  ['/a', '/ab/c', undefined],
  ['/a', '/a', undefined],
  ['/a', '/a/', undefined],
  ['/a/b', '/a', undefined],
  ['/a/b', '/a/c', undefined],
])('below %s, %s is %s', (outer, inner, expected) => {
  expect(pathBelow(outer, inner)).toBe(expected);
  expect(isBelow(outer, inner)).toBe(expected !== undefined);
});

test('a directory lies within itself, and not below itself', () => {
  expect([isWithin('/a', '/a'), isWithin('/a', '/a/b'), isWithin('/a/b', '/a')]).toEqual([true, true, false]);
});
