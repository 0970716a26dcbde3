import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type Held, createSemaphore } from '../../../../src/platform/runtime/semaphore.ts';

/** Whether a promise is settled once everything that is ready has run. */
async function isSettled(promise: Promise<unknown>): Promise<boolean> {
  let settled = false;
  const note = (): void => {
    settled = true;
  };
  promise.then(note, note);
  await new Promise(setImmediate);
  return settled;
}

test('a semaphore admits what fits and lets the rest wait until weight is given back', async () => {
  const semaphore = createSemaphore(10);
  const first = await semaphore.acquire(6);
  const second = semaphore.acquire(5);
  expect(await isSettled(second)).toBe(false);
  first[Symbol.dispose]();
  expect((await second).weight).toBe(5);
});

test('a light request waits behind a heavy one, so the heavy one does not starve', async () => {
  const semaphore = createSemaphore(10);
  const first = await semaphore.acquire(6);
  const heavy = semaphore.acquire(10);
  const light = semaphore.acquire(1);
  expect(await isSettled(light)).toBe(false);
  first[Symbol.dispose]();
  const held = await heavy;
  expect(await isSettled(light)).toBe(false);
  held[Symbol.dispose]();
  await light;
});

test('a weight above the capacity takes all of it', async () => {
  const semaphore = createSemaphore(10);
  const all = await semaphore.acquire(1_000);
  expect(all.weight).toBe(10);
  expect(await isSettled(semaphore.acquire(1))).toBe(false);
});

test('giving back twice gives back once', async () => {
  const semaphore = createSemaphore(2);
  const first = await semaphore.acquire(1);
  await semaphore.acquire(1);
  first[Symbol.dispose]();
  first[Symbol.dispose]();
  await semaphore.acquire(1);
  expect(await isSettled(semaphore.acquire(1))).toBe(false);
});

test('who gives up waiting leaves the queue, and those behind move on', async () => {
  const semaphore = createSemaphore(10);
  await semaphore.acquire(6);
  const giveUp = new AbortController();
  const heavy = semaphore.acquire(9, giveUp.signal);
  const light = semaphore.acquire(4);
  giveUp.abort('changed my mind');
  await expect(heavy).rejects.toBe('changed my mind');
  await light;
});

test('an aborted signal is refused at once, and takes nothing', async () => {
  const semaphore = createSemaphore(1);
  await expect(semaphore.acquire(1, AbortSignal.abort('late'))).rejects.toBe('late');
  await semaphore.acquire(1);
});

test('an abort after admission changes nothing', async () => {
  const semaphore = createSemaphore(1);
  const giveUp = new AbortController();
  const held = await semaphore.acquire(1, giveUp.signal);
  giveUp.abort();
  const next = semaphore.acquire(1);
  expect(await isSettled(next)).toBe(false);
  held[Symbol.dispose]();
  await next;
});

test('whatever is asked for, never more than the capacity is out, and every caller is served', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 1, max: 20 }),
      fc.array(fc.integer({ min: 0, max: 30 }), { maxLength: 30 }),
      async (capacity, weights) => {
        const semaphore = createSemaphore(capacity);
        let out = 0;
        const work = async (weight: number): Promise<void> => {
          using held: Held = await semaphore.acquire(weight);
          out += held.weight;
          expect(out).toBeLessThanOrEqual(capacity);
          await new Promise(setImmediate);
          out -= held.weight;
        };
        await Promise.all(weights.map(work));
        expect(out).toBe(0);
      },
    ),
  );
});
