import { expect, test } from 'vitest';
import {
  clockTime,
  moment,
  playingTime,
  size,
  span,
  splitPath,
  told,
  visible,
} from '../../../../src/web/console/format.ts';
import { idOf } from '../../../../src/web/console/rows.ts';
import { cursorOf } from '../../../../src/platform/paging/index.ts';

test('figures read as people write them', () => {
  expect([0, 512, 1536, 160 * 1024, 5 * 1024 ** 3].map(size)).toEqual([
    '0 B',
    '512 B',
    '1.5 KiB',
    '160 KiB',
    '5.0 GiB',
  ]);
  expect([0, 45_000, 600_000, 7_200_000, 10 * 86_400_000].map(span)).toEqual([
    '0 s',
    '45 s',
    '10 min',
    '2 h',
    '10 d',
  ]);
  expect([7000, 754_000, 3_723_000].map(playingTime)).toEqual(['0:07', '12:34', '1:02:03']);
});

test('times of the ledger and of JSON are the same moment, in the zone that is asked for', () => {
  expect(moment('2026-11-28 12:00:00')).toBe(moment('2026-11-28T12:00:00Z'));
  expect(clockTime(moment('2026-11-28 12:00:05'), 'UTC')).toBe('2026-11-28 12:00:05');
  expect(clockTime(moment('2026-11-28 23:30:00'), 'Europe/Berlin', 'minutes')).toBe('2026-11-29 00:30');
  expect(moment('soon')).toBeNaN();
});

test('names show what is in them', () => {
  expect(visible('a\u202Eb\u001B[31m\n')).toBe(String.raw`a\u202eb\u001b[31m\u000a`);
  expect(visible('Grüße 電話.wav')).toBe('Grüße 電話.wav');
  expect(splitPath('/a/b/c.wav')).toEqual({ before: '/a/b/', name: 'c.wav' });
});

test.each(['/a/b.wav', '/Grüße/電話 "1".wav', '/\u{1F4DE}.wav'])(
  'the id of %s is the one that the API gives',
  (path) => {
    expect(idOf(path)).toBe(cursorOf(path));
  },
);

function said(fields: object): readonly string[] {
  return Object.entries(fields).map(([name, value]: [string, unknown]) => told(name, value));
}

test('what an event says reads as people write it', () => {
  expect(said({ awayMs: 2_640_000, ms: 48, mtimeMs: 1_764_400_000_000, bytes: 1536, freeBytes: 0 })).toEqual([
    '44 min',
    '48 ms',
    '1,764,400,000,000',
    '1.5 KiB',
    '0 B',
  ]);
  expect(
    said({ err: { message: 'lost\u001B', code: 'X' }, skippedNames: ['a', 'b'], notes: [], until: null }),
  ).toEqual(['lost\\u001b', 'a, b', '', '']);
});
