import { describe, expect, test } from 'vitest';
import { applyKeep, type Dated, type Keep } from '../../../../src/maintenance/retention/index.ts';

const DAY_MS = 24 * 3600 * 1000;
/** Later than all that is made here. */
const NOW = Date.parse('2030-01-01T00:00:00Z');
const sunday = { weekday: 'sunday' } as const;

function made(at: string, verified = true): Dated {
  return { name: at, at: Date.parse(`${at}${at.length === 10 ? 'T02:00:00' : ''}Z`), verified };
}

/** One a day at 02:00, the newest on `last`. */
function daily(last: string, days: number): Dated[] {
  return Array.from({ length: days }, (_, back) =>
    made(new Date(Date.parse(`${last}T00:00:00Z`) - back * DAY_MS).toISOString().slice(0, 10)),
  );
}

function kept(all: readonly Dated[], keep: Keep | undefined, timezone = 'UTC'): readonly string[] {
  return applyKeep(all, keep, timezone, NOW)
    .filter(({ keep }) => keep)
    .map(({ item }) => item.name);
}

/** The weekday of a name that is a date, Sunday being 0. */
function weekday(name: string): number {
  return new Date(name).getUTCDay();
}

/** Those of a schedule, newest first, with the count that their records hold. */
function counted(all: readonly Dated[]): readonly Dated[] {
  return all.map((one, index) => ({ ...one, count: all.length - index }));
}

/** The first reason that is given for the one of that name. */
function reasonFor(judged: ReturnType<typeof applyKeep>, name: string): string {
  return judged.filter(({ item }) => item.name === name).flatMap(({ reasons }) => reasons)[0] ?? '';
}

describe('the rules count as restic’s do', () => {
  const month = daily('2026-11-20', 40);
  test.each<[string, Keep, readonly string[]]>([
    ['the newest three', { last: 3, ...sunday }, ['2026-11-20', '2026-11-19', '2026-11-18']],
    ['two days', { days: 2, ...sunday }, ['2026-11-20', '2026-11-19']],
    ['two of a day each', { daily: 2, ...sunday }, ['2026-11-20', '2026-11-19']],
    [
      'three weeks by their Sunday, the running one by its newest',
      { weekly: 3, ...sunday },
      ['2026-11-20', '2026-11-15', '2026-11-08'],
    ],
    [
      'three weeks by their Wednesday',
      { weekly: 3, weekday: 'wednesday' },
      ['2026-11-20', '2026-11-18', '2026-11-11', '2026-11-04'],
    ],
    ['two months', { monthly: 2, ...sunday }, ['2026-11-20', '2026-10-31']],
    [
      'whatever any rule wants',
      { last: 1, weekly: 2, monthly: 2, ...sunday },
      ['2026-11-20', '2026-11-15', '2026-10-31'],
    ],
  ])('%s', (_, keep, names) => {
    expect(kept(month, keep)).toEqual(names);
  });

  test('30 days keep 30 of one a day, also when runs begin some seconds late', () => {
    const late = daily('2026-11-20', 60).map((one, index) => ({ ...one, at: one.at + (index % 7) * 9000 }));
    expect(kept(late, { days: 30, ...sunday })).toHaveLength(30);
  });

  test('14 days and then Sundays for 60 more', () => {
    const names = kept(daily('2026-11-20', 200), { daily: 14, weekly: 11, ...sunday });
    expect(names.slice(0, 14)).toEqual(daily('2026-11-20', 14).map(({ name }) => name));
    expect(names.slice(14).every((name) => new Date(name).getUTCDay() === 0)).toBe(true);
  });

  test('a missed Sunday leaves its week the latest there is', () => {
    const all = daily('2026-11-20', 40).filter(({ name }) => name !== '2026-11-08');
    expect(kept(all, { weekly: 3, ...sunday })).toEqual(['2026-11-20', '2026-11-15', '2026-11-07']);
  });

  test('days, weeks and months are those of the time zone', () => {
    const all = [made('2026-11-20T23:30:00'), made('2026-11-20T22:30:00')];
    expect(kept(all, { daily: 5, ...sunday })).toEqual(['2026-11-20T23:30:00']);
    expect(kept(all, { daily: 5, ...sunday }, 'Europe/Berlin')).toEqual([
      '2026-11-20T23:30:00',
      '2026-11-20T22:30:00',
    ]);
  });
});

describe('what is good stays', () => {
  test('without rules everything does, and says so', () => {
    const judged = applyKeep(daily('2026-11-20', 3), undefined, 'UTC', NOW);
    expect(judged.map(({ keep, reasons }) => [keep, ...reasons])).toEqual(
      Array.from({ length: 3 }, () => [true, 'no rule removes any']),
    );
  });

  test('where none is verified, all stay', () => {
    const all = daily('2026-11-20', 3).map((one) => ({ ...one, verified: false }));
    expect(kept(all, { last: 1, ...sunday })).toHaveLength(3);
  });

  test('days without a run are not counted against what there is: a schedule that has stopped loses nothing', () => {
    expect(kept(daily('2020-01-31', 5), { days: 5, ...sunday })).toHaveLength(5);
  });

  test('one that is not verified takes no other copy’s place, and stays no longer than if it were', () => {
    const bad = made('2026-11-21', false);
    const all = [bad, ...daily('2026-11-20', 3)];
    expect(kept(all, { last: 1, ...sunday })).toEqual(['2026-11-21', '2026-11-20']);
    expect(kept([...daily('2026-11-24', 2), bad], { last: 1, ...sunday })).toEqual(['2026-11-24']);
  });

  test('every one has a reason', () => {
    const judged = applyKeep(daily('2026-11-20', 3), { last: 1, daily: 1, ...sunday }, 'UTC', NOW);
    expect(judged.map(({ item, keep, reasons }) => [item.name, keep, ...reasons])).toEqual([
      ['2026-11-20', true, 'the newest verified one', 'last 1', 'daily 1'],
      ['2026-11-19', false, 'no rule keeps it'],
      ['2026-11-18', false, 'no rule keeps it'],
    ]);
  });
});

describe('durations count from the newest, as restic’s do', () => {
  test('14 days and then Sundays up to day 74, by the day, on every day of a year', () => {
    const keep = { within: 14 * DAY_MS, withinWeekly: 74 * DAY_MS, ...sunday };
    for (let day = 0; day < 365; day += 13) {
      const newest = Date.parse('2026-01-01T00:00:00Z') + day * DAY_MS;
      const names = kept(daily(new Date(newest).toISOString().slice(0, 10), 200), keep);
      const ages = names.map((name) => Math.round((newest - Date.parse(name)) / DAY_MS));
      expect(ages.filter((age) => age <= 14)).toEqual(Array.from({ length: 15 }, (_, age) => age));
      const older = names.filter((_, index) => (ages[index] ?? 0) > 14);
      expect(older.every((name) => weekday(name) === 0)).toBe(true);
      expect(Math.max(...ages)).toBeLessThanOrEqual(74);
      expect(Math.max(...ages)).toBeGreaterThan(67);
    }
  });

  test('one of each month within a year', () => {
    const names = kept(daily('2026-11-20', 800), { withinMonthly: 365 * DAY_MS, ...sunday });
    expect(names).toHaveLength(13);
    expect(names.at(-1)).toBe('2025-11-30');
  });

  test('hours are counted as they are', () => {
    const all = ['T12:00:00', 'T11:00:01', 'T11:00:00', 'T10:59:59'].map((at) => made(`2026-11-20${at}`));
    expect(kept(all, { within: 3_600_000, ...sunday })).toHaveLength(2);
  });
});

describe('one wrong clock costs no good copy', () => {
  test('one that is dated in the future stays, and nothing counts from it', () => {
    const future = made('2036-11-20');
    const all = [...daily('2026-11-20', 5), future];
    const now = Date.parse('2026-11-20T03:00:00Z');
    for (const keep of [{ days: 5 }, { last: 5 }, { daily: 5 }, { within: 5 * DAY_MS }]) {
      const judged = applyKeep(all, { ...keep, ...sunday }, 'UTC', now);
      expect(judged.filter(({ keep }) => !keep)).toEqual([]);
      expect(reasonFor(judged, '2036-11-20')).toMatch(/dated in the future/);
    }
    expect(applyKeep([made('2026-11-20'), future], { last: 1, ...sunday }, 'UTC', now)).toHaveLength(2);
  });

  test('while the last one is in doubt, none goes; later it takes no other copy’s place', () => {
    const doubtful = { ...made('2026-11-21'), doubt: 'it is empty', count: 6 };
    const good = counted(daily('2026-11-20', 5));
    const judged = applyKeep([doubtful, ...good], { last: 2, ...sunday }, 'UTC', NOW);
    expect(judged.filter(({ keep }) => !keep)).toEqual([]);
    expect(reasonFor(judged, '2026-11-16')).toBe('2026-11-21 is in doubt, so none goes: it is empty');
    const after = [{ ...made('2026-11-22'), count: 7 }, doubtful, ...good];
    expect(kept(after, { last: 2, ...sunday })).toEqual(['2026-11-22', '2026-11-21', '2026-11-20']);
  });

  test('the last one is told by the count: one dated back by a wrong clock is it all the same', () => {
    const back = { ...made('1970-01-02'), doubt: 'the clock went back', count: 6 };
    expect(kept([...counted(daily('2026-11-20', 5)), back], { last: 1, ...sunday })).toHaveLength(6);
  });

  test('a step of the clock far beyond the usual ones lets nothing go until a second copy bears it out', () => {
    const good = counted(daily('2026-11-20', 5));
    const ahead = { ...made('2026-12-20'), count: 6 };
    const judged = applyKeep([ahead, ...good], { days: 5, ...sunday }, 'UTC', NOW);
    expect(judged.filter(({ keep }) => !keep)).toEqual([]);
    expect(reasonFor(judged, '2026-11-16')).toBe('kept until another one bears out the time of 2026-12-20');
    const borneOut = [{ ...made('2026-12-21'), count: 7 }, ahead, ...good];
    expect(kept(borneOut, { days: 5, ...sunday })).toEqual(['2026-12-21', '2026-12-20']);
  });

  test('one that no record gives to the schedule stays, and counts for nothing', () => {
    const foreign = { ...made('2026-11-21'), foreign: 'no record says what it is' };
    expect(kept([foreign, ...daily('2026-11-20', 3)], { last: 2, ...sunday })).toEqual([
      '2026-11-21',
      '2026-11-20',
      '2026-11-19',
    ]);
  });

  test('what is newer than the newest good one stays', () => {
    const all = [made('2026-11-22', false), made('2026-11-21', false), ...daily('2026-11-20', 2)];
    expect(kept(all, { monthly: 1, ...sunday })).toEqual(['2026-11-22', '2026-11-21', '2026-11-20']);
  });
});
