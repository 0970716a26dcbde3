import { expect, test } from 'vitest';
import { applyKeep } from '../../../../src/maintenance/retention/index.ts';

// What the owner's document of infra/examples/soundbox.yaml asks for: every night for 14 days, then the Sundays up to day 74.

const DAY = 86_400_000;
const KEEP = { within: 14 * DAY, withinWeekly: 74 * DAY, weekday: 'sunday' } as const;
const TIMEZONE = 'Europe/Berlin'; // with both changes of its clocks in the 300 days

/** The nights from the first one on, each at 03:00 local time. */
function night(number: number): number {
  return Temporal.ZonedDateTime.from(`2026-03-01T03:00[${TIMEZONE}]`).add({ days: number }).epochMilliseconds;
}

function isSunday(at: number): boolean {
  return Temporal.Instant.fromEpochMilliseconds(at).toZonedDateTimeISO(TIMEZONE).dayOfWeek === 7;
}

test('on each of 300 days, every night of the last 14 days and every Sunday up to day 74 is there, and nothing else', () => {
  let there: readonly { name: string; at: number; verified: boolean; count: number }[] = [];
  for (let day = 0; day < 300; day += 1) {
    const at = night(day);
    there = applyKeep(
      [...there, { name: String(day), at, verified: true, count: day + 1 }],
      KEEP,
      TIMEZONE,
      at,
    )
      .filter(({ keep }) => keep)
      .map(({ item }) => item);
    const ages = there.map(({ name }) => day - Number(name)).toSorted((a, b) => a - b);
    const wanted = Array.from({ length: day + 1 }, (_, age) => age).filter(
      (age) => age <= 13 || (age <= 73 && isSunday(night(day - age))),
    );
    expect(ages).toEqual(expect.arrayContaining(wanted));
    // the document says "up to day 74" without an hour: a night of exactly that age may be there or not
    expect(
      ages.filter(
        (age) => !wanted.includes(age) && age !== 14 && !(age === 74 && isSunday(night(day - age))),
      ),
    ).toEqual([]);
  }
});
