import { expect, test } from 'vitest';
import { systemClock } from '../../../../src/platform/runtime/clock.ts';
import { createSyncFirst } from '../../../../src/platform/runtime/sync-first.ts';

test('what was slow here once is done in the thread pool 64 times, and then here again', async () => {
  let ms = 0;
  const syncFirst = createSyncFirst({ ...systemClock, monotonicMs: () => ms }, 2);
  const at = (tookMs: number): Promise<string> =>
    syncFirst(
      () => {
        ms += tookMs;
        return 'here';
      },
      async () => 'in the pool',
    );
  expect(await at(2)).toBe('here');
  expect(await at(3)).toBe('here');
  for (let time = 0; time < 64; time++) expect(await at(3)).toBe('in the pool');
  expect(await at(3)).toBe('here');
  expect(await at(0)).toBe('in the pool');
});

test('what is thrown here rejects, and counts when it was slow', async () => {
  let ms = 0;
  const syncFirst = createSyncFirst({ ...systemClock, monotonicMs: () => ms }, 2);
  const fail = (): never => {
    ms += 3;
    throw new Error('EIO');
  };
  await expect(syncFirst(fail, async () => 'in the pool')).rejects.toThrow('EIO');
  expect(await syncFirst(fail, async () => 'in the pool')).toBe('in the pool');
});
