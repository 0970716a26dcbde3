import { expect, test } from 'vitest';
import { backOffMs } from '../../../src/domain/back-off.ts';

test('each failure in a row doubles the wait, up to its limit', () => {
  expect([0, 1, 2, 3, 6, 7, 1000].map((failures) => backOffMs(failures, 1000, 60_000))).toEqual([
    1000, 1000, 2000, 4000, 32_000, 60_000, 60_000,
  ]);
});
