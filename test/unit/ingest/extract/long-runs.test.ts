import { expect, test } from 'vitest';
import { MOST_LONG, createLongRuns } from '../../../../src/ingest/extract/long-runs.ts';

test('P13: what takes long takes no place of the others, up to a number, and counts no more once it has ended', async () => {
  let nowMs = 0;
  const runs = createLongRuns({ monotonicMs: () => nowMs });
  const ends: (() => void)[] = [];
  const begin = (): Promise<void> => runs.run(() => new Promise<void>((resolve) => ends.push(resolve)));
  const first = begin();
  nowMs = 9999;
  expect(runs.count()).toBe(0);
  const second = begin();
  nowMs = 10_000;
  expect(runs.count()).toBe(1);
  nowMs = 20_000;
  expect(runs.count()).toBe(2);
  ends[0]?.();
  await first;
  expect(runs.count()).toBe(1);
  ends[1]?.();
  await second;
  await expect(runs.run(() => Promise.reject(new Error('bad')))).rejects.toThrow('bad');
  const many = Array.from({ length: MOST_LONG + 3 }, begin);
  nowMs = 30_000;
  expect(runs.count()).toBe(MOST_LONG);
  for (const end of ends) end();
  await Promise.all(many);
  expect(runs.count()).toBe(0);
});
