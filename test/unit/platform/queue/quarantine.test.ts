import { expect, test } from 'vitest';
import { PUT_OFF_MS, createQuarantine } from '../../../../src/platform/queue/quarantine.ts';

function at(): { quarantine: ReturnType<typeof createQuarantine>; pass: (ms: number) => void } {
  let now = 0;
  const quarantine = createQuarantine({ monotonicMs: () => now });
  return {
    quarantine,
    pass: (ms) => {
      now += ms;
    },
  };
}

test('jobs without suspicion run side by side', () => {
  const { quarantine } = at();
  for (let job = 0; job < 2; job += 1) expect(quarantine.start(false)).toMatchObject({ isCounted: true });
});

test('a suspect runs alone', () => {
  const { quarantine } = at();
  const suspect = quarantine.start(true);
  expect(suspect).toMatchObject({ isCounted: true });
  expect([quarantine.start(false), quarantine.start(true)]).toEqual([undefined, undefined]);
  suspect?.end();
  expect(quarantine.start(false)).toBeDefined();
});

test('a suspect that has to wait gets its turn before new jobs', () => {
  const { quarantine, pass } = at();
  const first = quarantine.start(false);
  expect(quarantine.start(true)).toBeUndefined();
  expect(quarantine.start(false)).toBeUndefined(); // it would never be alone
  first?.end();
  pass(PUT_OFF_MS);
  expect(quarantine.start(true)).toBeDefined();
});

test('a suspect that does not come back keeps no other job waiting', () => {
  const { quarantine, pass } = at();
  quarantine.start(false);
  quarantine.start(true);
  pass(2 * PUT_OFF_MS);
  expect(quarantine.start(false)).toBeDefined();
});

test('P13: one that runs for long, suspect or not, keeps neither suspects nor others waiting', () => {
  for (const isSuspect of [true, false]) {
    const { quarantine, pass } = at();
    quarantine.start(isSuspect);
    pass(30_000);
    const suspect = quarantine.start(true);
    expect(suspect).toMatchObject({ isCounted: false }); // the long one may be what ends the process
    expect(quarantine.start(false)).toBeUndefined();
    suspect?.end();
    expect(quarantine.start(false)).toMatchObject({ isCounted: true });
  }
});
