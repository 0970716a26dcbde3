import { expect, test } from 'vitest';
import { isLively } from '../../../../src/ingest/arrival/watch.ts';

const DAY_MS = 24 * 3600 * 1000;
const NOW = 100 * DAY_MS;

test.each([
  ['changed today', { ctimeMs: NOW, hasDirectories: false }, true],
  ['changed within the month', { ctimeMs: NOW - 29 * DAY_MS, hasDirectories: false }, true],
  ['has not changed for longer', { ctimeMs: NOW - 31 * DAY_MS, hasDirectories: false }, false],
  ['has directories, in which new ones may come', { ctimeMs: 0, hasDirectories: true }, true],
  ['that could not be looked at', { ctimeMs: 0, hasDirectories: false }, false],
])('a directory that %s', (_, directory, expected) => {
  expect(isLively({ path: '/in/2025', ...directory }, NOW)).toBe(expected);
});
