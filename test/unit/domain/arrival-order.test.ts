import fc from 'fast-check';
import { expect, test } from 'vitest';
import { priorityOf } from '../../../src/domain/arrival-order.ts';

const LAST = 2 ** 21 - 1;
const at = (iso: string): number => Date.parse(iso);

test.each<[string, 'newest' | 'oldest', number]>([
  ['2020-01-01T00:00:00Z', 'oldest', 1],
  ['2020-01-01T00:04:59.999Z', 'oldest', 1],
  ['2020-01-01T00:05:00Z', 'oldest', 2],
  ['2020-01-01T00:00:00Z', 'newest', LAST],
  ['2020-01-01T00:05:00Z', 'newest', LAST - 1],
  ['1970-01-01T00:00:00Z', 'oldest', 1],
  ['1970-01-01T00:00:00Z', 'newest', LAST],
  ['2106-01-01T00:00:00Z', 'oldest', LAST],
  ['2106-01-01T00:00:00Z', 'newest', 1],
])('a tar of %s, %s first, has priority %i', (iso, order, expected) => {
  expect(priorityOf(at(iso), order, at('2200-01-01T00:00:00Z'))).toBe(expected);
});

test('priorities are what BullMQ takes and follow the mtime', () => {
  const mtime = fc.integer({ min: -1e12, max: 1e14 });
  fc.assert(
    fc.property(mtime, mtime, fc.constantFrom('newest', 'oldest'), (a, b, order) => {
      const [older, newer] = [Math.min(a, b), Math.max(a, b)].map((ms) => priorityOf(ms, order, 1e14)) as [
        number,
        number,
      ];
      for (const priority of [older, newer]) {
        expect(Number.isInteger(priority)).toBe(true);
        expect(priority).toBeGreaterThanOrEqual(1);
        expect(priority).toBeLessThanOrEqual(LAST);
      }
      if (order === 'newest') expect(newer).toBeLessThanOrEqual(older);
      else expect(older).toBeLessThanOrEqual(newer);
    }),
  );
});

test.each(['newest', 'oldest'] as const)('a tar dated in the future counts as of now, %s first', (order) => {
  const now = at('2026-11-28T12:00:00Z');
  expect(priorityOf(at('2036-01-01T00:00:00Z'), order, now)).toBe(priorityOf(now, order, now));
});
