import fc from 'fast-check';
import { expect, test } from 'vitest';
import { isChecksumDue } from '../../../../src/maintenance/mirror/checksum-due.ts';
import { mirrorNames } from '../../../../src/maintenance/mirror/names.ts';

const at = (text: string): number => Date.parse(text);

test('a mirror is called by its date, and where that is taken by its time too', () => {
  const names = mirrorNames('Europe/Berlin');
  const late = at('2026-11-20T23:30:05Z');
  expect(names.nameFor(late, ['latest', '2026-11-20', '2026-11-20_235959', '2026-11-21.old'])).toBe(
    '2026-11-21',
  );
  expect(names.nameFor(late, ['2026-11-21'])).toBe('2026-11-21_003005');
  expect(names.nameFor(late, ['2026-11-21', '2026-11-21_003005'])).toBe('2026-11-21_003006');
  expect(names.timedFor('2026-11-21', late, ['2026-11-21_003005'])).toBe('2026-11-21_003006');
  // its own date is another one: the clock was moved, or the settings' time zone
  expect(names.timedFor('2026-11-19', late, [])).toBe('2026-11-19_000000');
  expect(names.dayOf('2026-11-21_003006')).toBe('2026-11-21');
});

test('names are never given twice, however often a mirror is made', () => {
  const names = mirrorNames('UTC');
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 2500 })), (pauses) => {
      let [now, taken]: [number, string[]] = [at('2026-11-20T10:00:00Z'), []];
      for (const pause of pauses) {
        now += pause;
        const name = names.nameFor(now, taken);
        expect(names.parse(name)).toBeDefined();
        expect(taken).not.toContain(name);
        taken = [...taken, name];
      }
    }),
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
