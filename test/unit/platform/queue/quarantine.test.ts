import { expect, test } from 'vitest';
import { PUT_OFF_MS, createQuarantine } from '../../../../src/platform/queue/quarantine.ts';
import { systemClock } from '../../../../src/platform/runtime/index.ts';

function at(): { quarantine: ReturnType<typeof createQuarantine>; pass: (ms: number) => void } {
  let now = 0;
  const quarantine = createQuarantine({ ...systemClock, monotonicMs: () => now });
  return {
    quarantine,
    pass: (ms) => {
      now += ms;
    },
  };
}

test('jobs that nobody suspects run side by side', () => {
  const { quarantine } = at();
  expect([quarantine.start(false), quarantine.start(false)]).toEqual([true, true]);
});

test('a suspect runs alone', () => {
  const { quarantine } = at();
  expect(quarantine.start(true)).toBe(true);
  expect([quarantine.start(false), quarantine.start(true)]).toEqual([false, false]);
  quarantine.end(true);
  expect(quarantine.start(false)).toBe(true);
});

test('a suspect that has to wait gets its turn before new jobs', () => {
  const { quarantine, pass } = at();
  quarantine.start(false);
  expect(quarantine.start(true)).toBe(false);
  expect(quarantine.start(false)).toBe(false); // it would never be alone
  quarantine.end(false);
  pass(PUT_OFF_MS);
  expect(quarantine.start(true)).toBe(true);
});

test('a suspect that does not come back keeps nobody waiting', () => {
  const { quarantine, pass } = at();
  quarantine.start(false);
  quarantine.start(true);
  pass(2 * PUT_OFF_MS);
  expect(quarantine.start(false)).toBe(true);
});
