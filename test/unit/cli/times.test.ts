import { expect, test } from 'vitest';
import { localTime, withLocalTimes } from '../../../src/cli/times.ts';

test.each<[string, string, string]>([
  ['2026-11-28T18:05:00.123Z', 'UTC', '2026-11-28 18:05:00 +00:00'],
  ['2026-11-28T18:05:00Z', 'Europe/Berlin', '2026-11-28 19:05:00 +01:00'],
  ['2026-07-28 18:05:00', 'Europe/Berlin', '2026-07-28 20:05:00 +02:00'],
  ['2026-11-28 18:05:00', 'Asia/Kathmandu', '2026-11-28 23:50:00 +05:45'],
  ['at noon', 'UTC', 'at noon'],
])('%s in %s is %s, with its offset', (time, timezone, expected) => {
  expect(localTime(time, timezone)).toBe(expected);
});

test('times within a sentence are in the zone of all others; those that are part of a name stay', () => {
  const sentence = 'It was due at 2026-11-28T02:00:00.000Z.';
  expect(withLocalTimes(sentence, 'Europe/Berlin')).toBe('It was due at 2026-11-28 03:00:00 +01:00.');
  for (const name of [
    '/in/2026-11-28T02:00:00Z.tar',
    '/in/2026-11-28T02:00:00Z/a.tar',
    'x2026-11-28T02:00:00Z',
  ])
    expect(withLocalTimes(`${name} cannot be read`, 'Europe/Berlin')).toBe(`${name} cannot be read`);
});
