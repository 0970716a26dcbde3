import { expect, test } from 'vitest';
import { moment, pointInTime } from '../../../src/cli/arguments.ts';

const NOW = Date.UTC(2026, 10, 28, 12);

test.each<[string, string]>([
  ['2h', '2026-11-28 10:00:00'],
  ['3d', '2026-11-25 12:00:00'],
  ['2026-11-20', '2026-11-19 23:00:00'],
  ['2026-11-20 14:00:00', '2026-11-20 13:00:00'],
  ['2026-11-20T14:00', '2026-11-20 13:00:00'],
  ['2026-11-20T14:00:00Z', '2026-11-20 14:00:00'],
  ['2026-11-20 14:00:00 +01:00', '2026-11-20 13:00:00'],
  ['2026-11-20 14:00:00+01:00', '2026-11-20 13:00:00'],
  ['2026-07-20 14:00:00', '2026-07-20 12:00:00'],
])('--since %s is %s UTC for who lives in Berlin', (text, expected) => {
  expect(moment(text, NOW, 'Europe/Berlin')).toBe(expected);
});

test.each([
  'yesterday',
  '2026-02-30',
  '20',
  'foo 1',
  '2026-11-20 25:00:00',
  '2',
  '',
  '2026-11-20T14:00:00+99:00',
])('--since %j is refused, with what is understood', (text) => {
  expect(() => moment(text, NOW, 'UTC')).toThrow(/is no time: use .* 2h for two hours ago/);
});

test('--since a time that is still to come can match nothing', () => {
  expect(() => moment('2027-01-01', NOW, 'UTC')).toThrow(/is still to come/);
});

test.each<[string, string]>([
  ['now', '2026-11-28T12:00:00.000Z'],
  ['2h', '2026-11-28T10:00:00.000Z'],
  ['2026-11-20 14:00:00', '2026-11-20T13:00:00.000Z'],
  ['2027-01-01T00:00:00Z', '2027-01-01T00:00:00.000Z'],
])('--at %s is %s for who lives in Berlin', (text, expected) => {
  expect(new Date(pointInTime(text, NOW, 'Europe/Berlin')).toISOString()).toBe(expected);
});

test.each(['', 'today', '20', '2026-02-30'])('--at %j is refused, with what is understood', (text) => {
  expect(() => pointInTime(text, NOW, 'UTC')).toThrow(/is no time: use .* 2h for two hours ago, or now/);
});
