import { expect, test } from 'vitest';
import { isMissed } from '../../../../src/ingest/arrival/rescan.ts';

test.each<[string, number, number | undefined, boolean]>([
  ['came before the watcher was ready', 40_000, 50_000, false],
  ['came while the watcher had just got ready', 52_000, 50_000, false],
  ['came when it was watched', 60_000, 50_000, true],
  ['came just now, so that its event may be on its way', 99_000, 50_000, false],
  ['came when nothing was watched', 60_000, undefined, false],
])('a tar that %s', (_, ctimeMs, watchedSince, expected) => {
  expect(isMissed(ctimeMs, 100_000, watchedSince)).toBe(expected);
});
