import { expect, test } from 'vitest';
import { createBodyPool } from '../../../../src/platform/s3/body-pool.ts';

const KIB = 1024;

test('what was given back is taken again for what fits into it', () => {
  const pool = createBodyPool(1024 * KIB);
  const first = pool.take(100 * KIB);
  expect(first.length).toBeGreaterThanOrEqual(100 * KIB);
  pool.giveBack(first);
  expect(pool.take(90 * KIB)).toBe(first);
  expect(pool.take(90 * KIB)).not.toBe(first); // it is in use
});

test('a body gets memory that is neither too small nor far too large', () => {
  const pool = createBodyPool(8192 * KIB);
  const small = pool.take(64 * KIB);
  const large = pool.take(4096 * KIB);
  pool.giveBack(small);
  pool.giveBack(large);
  const middle = pool.take(200 * KIB);
  expect([small, large]).not.toContain(middle);
  expect(middle.length).toBeGreaterThanOrEqual(200 * KIB);
});

test('it keeps no more than its capacity', () => {
  const pool = createBodyPool(128 * KIB);
  const [one, two, three] = [pool.take(64 * KIB), pool.take(64 * KIB), pool.take(64 * KIB)];
  for (const memory of [one, two, three]) pool.giveBack(memory);
  expect(
    [pool.take(64 * KIB), pool.take(64 * KIB), pool.take(64 * KIB)].filter((memory) => memory === three),
  ).toEqual([]);
});

test('an empty body takes nothing', () => {
  expect(createBodyPool(KIB).take(0).length).toBe(0);
});
