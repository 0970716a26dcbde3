import { expect, test } from 'vitest';
import type { Clock } from '../../../../src/platform/runtime/index.ts';
import { countBeats } from '../../../../src/process/up/count-beats.ts';

const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** A clock whose sleepers are woken by hand; counts how often it was asked to sleep. */
function handClock(): Clock & { pass: (rounds: number) => Promise<void>; asleep: () => boolean } {
  let wake: (() => void) | undefined;
  return {
    now: () => 0,
    monotonicMs: () => 0,
    sleep: () => new Promise((resolve) => (wake = resolve)),
    asleep: () => wake !== undefined,
    pass: async (rounds) => {
      for (let round = 0; round < rounds; round += 1) {
        const up = wake;
        wake = undefined;
        up?.();
        await settled();
      }
    },
  };
}

function counted(): {
  clock: ReturnType<typeof handClock>;
  stop: AbortController;
  blocked: () => number;
  beat: () => void;
} {
  const clock = handClock();
  const stop = new AbortController();
  let times = 0;
  const beats = countBeats(clock, stop.signal, () => (times += 1));
  return { clock, stop, blocked: () => times, beat: beats.beat };
}

test('a process that has beaten and beats no more for 45 s is blocked, once', async () => {
  const { clock, blocked, beat } = counted();
  beat();
  await clock.pass(9);
  expect(blocked()).toBe(0);
  await clock.pass(1);
  expect(blocked()).toBe(1);
  await clock.pass(20);
  expect(blocked()).toBe(1);
});

test('one that beats at times is not', async () => {
  const { clock, blocked, beat } = counted();
  for (let times = 0; times < 20; times += 1) {
    beat();
    await clock.pass(9);
  }
  expect(blocked()).toBe(0);
});

test('one that never beats is not counted: a start may wait for hours, and Redis says nothing at all', () => {
  const { clock, blocked } = counted();
  expect([clock.asleep(), blocked()]).toEqual([false, 0]);
});

test('one that has ended is not counted any more', async () => {
  const { clock, stop, blocked, beat } = counted();
  beat();
  await clock.pass(9);
  stop.abort();
  await clock.pass(5);
  expect(blocked()).toBe(0);
});
