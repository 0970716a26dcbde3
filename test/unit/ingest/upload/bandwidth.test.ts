import { expect, test } from 'vitest';
import { limitAt } from '../../../../src/ingest/upload/bandwidth.ts';

const MIB = 1024 * 1024;
const timetable = { '08:00': 2 * MIB, '19:00': null };
const at = (time: string): number => Date.parse(`2026-11-20T${time}:00Z`);

test.each([
  ['07:59', undefined],
  ['08:00', 2 * MIB],
  ['18:59', 2 * MIB],
  ['19:00', undefined],
])('the timetable at %s UTC', (time, expected) => {
  expect(limitAt(timetable, at(time), 'UTC')).toBe(expected);
});

test('the timetable holds in the settings’ time zone', () => {
  expect(limitAt(timetable, at('07:30'), 'Europe/Berlin')).toBe(2 * MIB);
});

test('one figure holds always, none is no cap', () => {
  expect(limitAt(5, at('03:00'), 'UTC')).toBe(5);
  expect(limitAt(undefined, at('03:00'), 'UTC')).toBeUndefined();
});
