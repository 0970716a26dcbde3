import { expect, test } from 'vitest';
import type { Span } from '../../../../src/domain/ledger.ts';
import { ratesOfLastDay } from '../../../../src/operate/status/index.ts';

test('the last day is 24 hours of the clock without a gap, the one that is not over yet last', async () => {
  let asked: readonly Span[] = [];
  const ended = (spans: readonly Span[]): Promise<{ SUCCESS: number; FAILED: number }[]> => {
    asked = spans;
    return Promise.resolve(spans.map((_, at) => ({ SUCCESS: at + 1, FAILED: (at + 1) % 2 })));
  };
  const hours = await ratesOfLastDay({ ended }, Date.parse('2026-03-01T07:59:59.999Z'));
  expect(hours).toHaveLength(24);
  expect(hours[0]).toEqual({ from: '2026-02-28T08:00:00.000Z', uploaded: 1, failed: 1 });
  expect(hours[23]).toEqual({ from: '2026-03-01T07:00:00.000Z', uploaded: 24, failed: 0 });
  expect(asked[0]).toEqual({ from: '2026-02-28 08:00:00', to: '2026-02-28 09:00:00' });
  for (const [at, { from }] of asked.slice(1).entries()) expect(from).toBe(asked[at]?.to);
});
