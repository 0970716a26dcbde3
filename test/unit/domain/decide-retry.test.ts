import fc from 'fast-check';
import { expect, test } from 'vitest';
import { FAULTS, type FaultCode } from '../../../src/domain/faults.ts';
import { decideRetry } from '../../../src/domain/decide-retry.ts';

const limits = { maxRetries: 5, initial: 2000, max: 300_000 };
const codes = Object.keys(FAULTS) as FaultCode[];

test('P7: a fault of the whole store never gives up, however many retries were spent', () => {
  for (const code of codes.filter((code) => FAULTS[code].retry === 'when the store is back')) {
    expect(decideRetry(code, 99, limits, 0.5).kind, code).toBe('pause the store');
  }
});

test('a recording is tried 1 + maxRetries times', () => {
  const kinds = [0, 1, 2, 3, 4, 5].map(
    (retryCount) => decideRetry('CONNECTION_LOST', retryCount, limits, 0.5).kind,
  );
  expect(kinds).toEqual(['retry', 'retry', 'retry', 'retry', 'retry', 'give up']);
  expect(decideRetry('CONNECTION_LOST', 0, { ...limits, maxRetries: 0 }, 0.5).kind).toBe('give up');
});

test('the delay grows exponentially up to its limit', () => {
  const delays = [0, 1, 2, 7, 39].map((retryCount) =>
    decideRetry('CONNECTION_LOST', retryCount, { ...limits, maxRetries: 99 }, 0.999_999),
  );
  expect(delays.map((next) => (next.kind === 'retry' ? next.delayMs : next.kind))).toEqual([
    2000, 4000, 8000, 256_000, 300_000,
  ]);
});

test('a delay lies within [0, max] for every fault, retry and random number', () => {
  const random = fc.double({ min: 0, max: 0.999, noNaN: true });
  fc.assert(
    fc.property(
      fc.constantFrom(...codes),
      fc.integer({ min: 0, max: 1000 }),
      random,
      (code, retryCount, random) => {
        const next = decideRetry(code, retryCount, { ...limits, maxRetries: 1001 }, random);
        if (next.kind !== 'retry') return;
        expect(next.delayMs).toBeGreaterThanOrEqual(0);
        expect(next.delayMs).toBeLessThanOrEqual(limits.max);
      },
    ),
  );
});
