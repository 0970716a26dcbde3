import { expect, test } from 'vitest';
import { createTimeSlices } from '../../../../src/ingest/extract/time-slices.ts';
import type { Clock } from '../../../../src/platform/runtime/index.ts';

/** Tasks that work in slices of 10 ms by a clock that only they move; what they did is noted by name. */
function workshop(): {
  done: string[];
  start: (name: string, slices: number, aside?: () => Promise<void>) => Promise<void>;
} {
  let now = 0;
  const clock: Clock = { now: () => now, monotonicMs: () => now, sleep: () => Promise.resolve() };
  const turns = createTimeSlices(clock);
  const done: string[] = [];
  return {
    done,
    start: async (name, slices, aside) => {
      const yieldTurn = turns();
      for (let slice = 0; slice < slices; slice++) {
        done.push(name);
        now += 10;
        await yieldTurn();
        if (slice === 1) await aside?.();
      }
    },
  };
}

test('the first goes on until it is done, then the next', async () => {
  const { done, start } = workshop();
  await Promise.all([start('a', 4), start('b', 3), start('c', 2)]);
  // each begins with the slice that it needs to come to its first breath
  expect(done.join('')).toBe('abcaaabbc');
});

test('one that takes longer than a turn lines up behind the others', async () => {
  const { done, start } = workshop();
  await Promise.all([start('a', 160), start('b', 3)]);
  const [, ...rest] = done.join('').split('b');
  expect(rest.map(({ length }) => length)).toEqual([100, 0, 59]);
});

test('one that waits for something else holds no other tar up', async () => {
  const { done, start } = workshop();
  const { promise, resolve } = Promise.withResolvers<undefined>();
  const waits = start('a', 3, () => promise);
  await start('b', 3);
  expect(done.join('')).toBe('ababb');
  resolve(undefined);
  await waits;
  expect(done.at(-1)).toBe('a');
});

test('the event loop has its turn', async () => {
  const { start } = workshop();
  let turned = 0;
  const immediate = (): void => {
    turned += 1;
    if (turned < 5) setImmediate(immediate);
  };
  setImmediate(immediate);
  await start('a', 10);
  expect(turned).toBe(5);
});

test('P13: what comes behind a row of large ones shares with all of them together, and waits for none of their turns', async () => {
  const { done, start } = workshop();
  const large = ['a', 'b', 'c', 'd', 'e'].map((name) => start(name, 300));
  while (done.length < 700) await new Promise(setImmediate); // each has had a turn
  const from = done.length;
  await start('s', 5);
  expect(done.lastIndexOf('s') - from).toBeLessThanOrEqual(12);
  await Promise.all(large);
});
