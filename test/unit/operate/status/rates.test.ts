import { expect, test } from 'vitest';
import { ratesOfLastDay } from '../../../../src/operate/status/index.ts';

test('the last day is 24 hours of the clock without a gap, the one that is not over yet last', () => {
  const asked: [string, string][] = [];
  const endedBetween = (from: string, to: string): { SUCCESS: number; FAILED: number } => {
    asked.push([from, to]);
    return { SUCCESS: asked.length, FAILED: asked.length % 2 };
  };
  const hours = ratesOfLastDay({ endedBetween }, Date.parse('2026-03-01T07:59:59.999Z'));
  expect(hours).toHaveLength(24);
  expect(hours[0]).toEqual({ from: '2026-02-28T08:00:00.000Z', uploaded: 1, failed: 1 });
  expect(hours[23]).toEqual({ from: '2026-03-01T07:00:00.000Z', uploaded: 24, failed: 0 });
  expect(asked[0]).toEqual(['2026-02-28 08:00:00', '2026-02-28 09:00:00']);
  for (const [at, [from]] of asked.slice(1).entries()) expect(from).toBe(asked[at]?.[1]);
});
