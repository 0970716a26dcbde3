import { expect, test } from 'vitest';
import { every, type Clock } from '../../../../src/platform/runtime/index.ts';

/** A clock on which sleeping takes no time but its own. */
function quickClock(): Clock & { ms: number } {
  const clock = {
    ms: 0,
    now: () => clock.ms,
    monotonicMs: () => clock.ms,
    sleep: (ms: number) => {
      clock.ms += ms;
      return Promise.resolve();
    },
  };
  return clock;
}

test('a step runs at once, and again so long after it has ended, until the signal aborts', async () => {
  const clock = quickClock();
  const stop = new AbortController();
  const begun: number[] = [];
  const step = (): void => {
    begun.push(clock.ms);
    clock.ms += 3;
    if (begun.length === 3) stop.abort();
  };
  await every(10, step, { clock, signal: stop.signal, failed: () => expect.unreachable() });
  expect(begun).toEqual([0, 13, 26]);
});

test('the pause may differ from time to time', async () => {
  const clock = quickClock();
  const stop = new AbortController();
  const begun: number[] = [];
  const step = (): void => {
    begun.push(clock.ms);
    if (begun.length === 4) stop.abort();
  };
  await every(() => begun.length, step, { clock, signal: stop.signal, failed: () => expect.unreachable() });
  expect(begun).toEqual([0, 1, 3, 6]);
});

test('a lasting failure is told at first and every 30 s with its count, a new one at once', async () => {
  const clock = quickClock();
  const stop = new AbortController();
  const told: { at: number; times: number }[] = [];
  let steps = 0;
  const step = (): Promise<void> => {
    steps += 1;
    if (steps === 100) stop.abort();
    return steps === 70 ? Promise.resolve() : Promise.reject(new Error('away'));
  };
  const failed = (_err: unknown, times: number): void => void told.push({ at: clock.ms / 1000, times });
  await every(1000, step, { clock, signal: stop.signal, failed });
  expect(told).toEqual([
    { at: 0, times: 1 },
    { at: 30, times: 31 },
    { at: 60, times: 61 },
    { at: 70, times: 1 },
  ]);
  expect(steps).toBe(100);
});

test('what fails because it is ended is not told', async () => {
  const stop = new AbortController();
  const step = async (): Promise<void> => {
    stop.abort();
    throw new Error('aborted');
  };
  await every(1, step, { clock: quickClock(), signal: stop.signal, failed: () => expect.unreachable() });
});
