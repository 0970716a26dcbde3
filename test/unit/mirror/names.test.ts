import fc from 'fast-check';
import { expect, test } from 'vitest';
import { isChecksumDue } from '../../../src/mirror/checksum-due.ts';
import { mirrorNames } from '../../../src/mirror/names.ts';

const at = (text: string): number => Date.parse(text);

test('a mirror is called by its date, a second one of that day by its time too', () => {
  const names = mirrorNames('Europe/Berlin');
  const late = at('2026-11-20T23:30:05Z');
  expect(names.nameFor(late, ['latest', '2026-11-20', '2026-11-20_235959', '2026-11-21.old'])).toBe(
    '2026-11-21',
  );
  expect(names.nameFor(late, ['2026-11-21'])).toBe('2026-11-21_003005');
  expect(names.nameFor(late, ['2026-11-21_003005'])).toBe('2026-11-21_003006');
  expect(names.nameFor(late, ['2026-11-21', '2026-11-21_003007'])).toBe('2026-11-21_003008');
  expect(names.nameFor(late, ['2026-11-21_002959'])).toBe('2026-11-21_003005');
});

test('names go up with time, however often a mirror is made and however few are kept', () => {
  const names = mirrorNames('UTC');
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 0, max: 2500 })),
      fc.integer({ min: 1, max: 4 }),
      (pauses, kept) => {
        let [now, taken]: [number, string[]] = [at('2026-11-20T10:00:00Z'), []];
        for (const pause of pauses) {
          now += pause;
          const name = names.nameFor(now, taken);
          expect(names.parse(name)).toBeDefined();
          expect(taken.every((other) => other < name)).toBe(true);
          taken = [...taken, name].slice(-kept);
        }
      },
    ),
  );
});

test.each(['latest', '2026-13-01', '2026-11-21_0030', '2026-11-21~', '.wavspool-x.tmp', '2026-11-21.sha256'])(
  '%s is no name of a mirror',
  (name) => {
    expect(mirrorNames('UTC').parse(name)).toBeUndefined();
  },
);

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
