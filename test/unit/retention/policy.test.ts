import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { applyKeep, type Dated, type Keep } from '../../../src/retention/index.ts';

const DAY_MS = 24 * 3600 * 1000;
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
  return applyKeep(all, keep, timezone)
    .filter(({ keep }) => keep)
    .map(({ item }) => item.name);
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
    const judged = applyKeep(daily('2026-11-20', 3), undefined, 'UTC');
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

  test('one that is not verified takes nobody’s place, and stays no longer than if it were', () => {
    const bad = made('2026-11-21', false);
    const all = [bad, ...daily('2026-11-20', 3)];
    expect(kept(all, { last: 1, ...sunday })).toEqual(['2026-11-21', '2026-11-20']);
    expect(kept([...daily('2026-11-24', 2), bad], { last: 1, ...sunday })).toEqual(['2026-11-24']);
  });

  test('every one has a reason', () => {
    const judged = applyKeep(daily('2026-11-20', 3), { last: 1, daily: 1, ...sunday }, 'UTC');
    expect(judged.map(({ item, keep, reasons }) => [item.name, keep, ...reasons])).toEqual([
      ['2026-11-20', true, 'the newest verified one', 'last 1', 'daily 1'],
      ['2026-11-19', false, 'no rule keeps it'],
      ['2026-11-18', false, 'no rule keeps it'],
    ]);
  });
});

describe('whatever there is and whatever the rules', () => {
  const dated = fc
    .uniqueArray(fc.record({ hour: fc.integer({ min: 0, max: 24 * 800 }), verified: fc.boolean() }), {
      maxLength: 60,
      selector: ({ hour }) => hour,
    })
    .map((all) =>
      all.map(({ hour, verified }): Dated => {
        const at = Date.parse('2025-01-01T00:30:00Z') + hour * 3600 * 1000;
        return { name: String(hour), at, verified };
      }),
    );
  const count = fc.option(fc.integer({ min: 1, max: 20 }), { nil: undefined });
  const rules = fc.record({
    last: count,
    days: count,
    daily: count,
    weekly: count,
    monthly: count,
    weekday: fc.constantFrom('sunday' as const, 'wednesday' as const),
  });
  const zone = fc.constantFrom('UTC', 'Europe/Berlin', 'America/New_York', 'Australia/Lord_Howe');

  test('the newest verified one stays', () => {
    fc.assert(
      fc.property(dated, rules, zone, (all, keep, timezone) => {
        const newest = all.filter(({ verified }) => verified).toSorted((a, b) => b.at - a.at)[0];
        if (newest !== undefined) expect(kept(all, keep, timezone)).toContain(newest.name);
      }),
    );
  });

  test('applied twice it changes nothing more', () => {
    fc.assert(
      fc.property(dated, rules, zone, (all, keep, timezone) => {
        const names = kept(all, keep, timezone);
        const left = all.filter(({ name }) => names.includes(name));
        expect(kept(left, keep, timezone)).toEqual(names);
      }),
    );
  });

  test('one more that is not verified never makes a verified one go', () => {
    fc.assert(
      fc.property(dated, dated, rules, (all, more, keep) => {
        const bad = more.map((one) => ({ ...one, name: `bad ${one.name}`, verified: false }));
        expect(goodOf(kept([...all, ...bad], keep))).toEqual(
          expect.arrayContaining(
            [...goodOf(kept(all, keep))].filter(
              (name) => all.find((one) => one.name === name)?.verified === true,
            ),
          ),
        );
      }),
    );
  });

  test('run every day with days missed at random, every rule has what it asks for, as far as there was any', () => {
    fc.assert(
      fc.property(fc.array(fc.boolean(), { minLength: 400, maxLength: 400 }), (runs) => {
        let left: Dated[] = [];
        const keep = { daily: 14, weekly: 9, ...sunday };
        const ever: Dated[] = [];
        for (const [day, ran] of runs.entries()) {
          if (!ran) continue;
          const at = Date.parse('2025-01-01T02:00:00Z') + day * DAY_MS;
          const one = { name: String(day), at, verified: true };
          ever.push(one);
          const judged = applyKeep([...left, one], keep, 'Europe/Berlin');
          left = judged.filter(({ keep }) => keep).map(({ item }) => item);
        }
        const newest14 = ever.slice(-14).map(({ name }) => name);
        expect(left.map(({ name }) => name)).toEqual(expect.arrayContaining(newest14));
        expect(left.length).toBeLessThanOrEqual(14 + 9);
        const weeks = new Set(ever.map(({ at }) => Math.floor((at / DAY_MS + 3) / 7)));
        const keptWeeks = new Set(left.map(({ at }) => Math.floor((at / DAY_MS + 3) / 7)));
        expect(keptWeeks.size).toBeGreaterThanOrEqual(Math.min(9, weeks.size));
      }),
      { numRuns: 20 },
    );
  });
});

function goodOf(names: readonly string[]): readonly string[] {
  return names.filter((name) => !name.startsWith('bad'));
}
