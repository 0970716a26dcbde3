import { expect, test } from 'vitest';
import { isChecksumDue } from '../../../src/mirror/checksum-due.ts';
import { mirrorNames } from '../../../src/mirror/names.ts';

const at = (text: string): number => Date.parse(text);

test('a mirror is called by its date, a second one of that day by its time too', () => {
  const names = mirrorNames('Europe/Berlin');
  const { ofDay, ofSeconds } = names.choices(at('2026-11-20T23:30:05Z'));
  expect(ofDay).toBe('2026-11-21');
  expect(ofSeconds.slice(0, 2)).toEqual(['2026-11-21_003005', '2026-11-21_003006']);
  for (const name of [ofDay, ...ofSeconds]) expect(names.parse(name)).toBeDefined();
  for (const name of [
    'latest',
    '2026-13-01',
    '2026-11-21_0030',
    '2026-11-21~',
    '.wavspool-x.tmp',
    '2026-11-21.sha256',
  ])
    expect(names.parse(name)).toBeUndefined();
});

test.each([
  ['2026-12-01T03:00:00Z', '2026-11-30T03:00:00Z', true],
  ['2026-12-02T03:00:00Z', '2026-12-01T03:00:00Z', false],
  ['2026-12-05T03:00:00Z', '2026-11-01T03:00:00Z', true],
  ['2027-11-02T03:00:00Z', '2026-11-01T03:00:00Z', true],
  ['2026-11-30T23:30:00Z', '2026-11-15T03:00:00Z', true], // December has begun in Berlin
  ['2026-11-30T22:30:00Z', '2026-11-15T03:00:00Z', false],
])('at %s, the last pass at %s: %s', (now, last, due) => {
  expect(isChecksumDue(at(now), at(last), 'Europe/Berlin')).toBe(due);
});
