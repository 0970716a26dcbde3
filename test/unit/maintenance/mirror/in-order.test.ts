import fc from 'fast-check';
import { expect, test } from 'vitest';
import { inOrder } from '../../../../src/maintenance/mirror/in-order.ts';

async function* from<T>(items: readonly T[]): AsyncGenerator<T> {
  for (const item of items) yield await Promise.resolve(item);
}

test('results come in the order of the items, whichever is done first, and never too many at once', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.nat(20)), fc.integer({ min: 1, max: 5 }), async (turns, atOnce) => {
      let running = 0;
      const work = async (turn: number): Promise<number> => {
        running += 1;
        expect(running).toBeLessThanOrEqual(atOnce);
        for (let left = turn; left > 0; left -= 1) await Promise.resolve();
        running -= 1;
        return turn;
      };
      expect(await Array.fromAsync(inOrder(from(turns), atOnce, work))).toEqual(turns);
    }),
  );
});

test('what one throws ends it, after the others have ended', async () => {
  let ended = 0;
  const work = async (item: number): Promise<number> => {
    await Promise.resolve();
    ended += 1;
    if (item === 1) throw new Error('the second');
    return item;
  };
  await expect(Array.fromAsync(inOrder(from([0, 1, 2, 3, 4]), 3, work))).rejects.toThrow('the second');
  expect(ended).toBe(4);
});
