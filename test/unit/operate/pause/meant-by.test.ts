import { expect, test } from 'vitest';
import { meantBy } from '../../../../src/operate/pause/index.ts';

const HOST_ALONE = { recordings: false, store: false, redis: false };
const RECORDINGS = { recordings: true, store: true, redis: true };

test('a queue that has nothing to do here is refused by its name', () => {
  expect(() => meantBy('upload', HOST_ALONE)).toThrow(
    'nothing here goes through upload: there is maintenance',
  );
  expect(meantBy('all', HOST_ALONE)).toEqual(['maintenance']);
  expect(meantBy('maintenance', HOST_ALONE)).toEqual(['maintenance']);
  expect(meantBy('upload', RECORDINGS)).toEqual(['upload']);
});

test('one that an earlier time has paused can be resumed', () => {
  const pause = { reason: 'the store moves', since: '2026-11-01T02:00:00.000Z', until: null };
  expect(meantBy('upload', HOST_ALONE, { upload: pause })).toEqual(['upload']);
});
