import { expect, test } from 'vitest';
import { wordWhile } from '../../../src/cli/word-while.ts';

/** A clock whose sleeps end when the test says so, or their signal. */
function clockByHand(): { sleep(ms: number, signal?: AbortSignal): Promise<void>; pass(): void } {
  const slept = Promise.withResolvers<void>();
  return {
    sleep: (_ms, signal) => {
      signal?.addEventListener('abort', () => slept.resolve(), { once: true });
      return slept.promise;
    },
    pass: () => slept.resolve(),
  };
}

test('work that takes long gets a word, once', async () => {
  const clock = clockByHand();
  const said: string[] = [];
  const work = Promise.withResolvers<number>();
  const done = wordWhile(
    clock,
    5,
    () => void said.push('a word'),
    () => work.promise,
  );
  clock.pass();
  await Promise.resolve();
  await Promise.resolve();
  expect(said).toEqual(['a word']);
  work.resolve(7);
  expect(await done).toBe(7);
  expect(said).toEqual(['a word']);
});

test.each([
  ['ends', () => Promise.resolve(7)],
  ['fails', () => Promise.reject(new Error('no'))],
])('work that %s in time gets none', async (_, work) => {
  const said: string[] = [];
  await wordWhile(clockByHand(), 5, () => void said.push('a word'), work).catch(() => undefined);
  expect(said).toEqual([]);
});
