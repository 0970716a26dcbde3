import { expect, test } from 'vitest';
import { createYielder, type Clock } from '../../../../src/platform/runtime/index.ts';

function clockAt(): { clock: Clock; pass: (ms: number) => void } {
  let now = 0;
  const clock = { now: () => now, monotonicMs: () => now, sleep: () => Promise.resolve() };
  return { clock, pass: (ms) => (now += ms) };
}

/** Whether the event loop had a turn while `step` ran. */
async function turned(step: () => Promise<void>): Promise<boolean> {
  let turn = false;
  const immediate = setImmediate(() => (turn = true));
  await step();
  clearImmediate(immediate);
  return turn;
}

test('the event loop gets a turn each time that so much work was done, and not before', async () => {
  const { clock, pass } = clockAt();
  const yieldTurn = createYielder(clock, 10);
  expect(await turned(yieldTurn)).toBe(false);
  pass(9);
  expect(await turned(yieldTurn)).toBe(false);
  pass(1);
  expect(await turned(yieldTurn)).toBe(true);
  expect(await turned(yieldTurn)).toBe(false); // it counts anew
});
