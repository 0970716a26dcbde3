import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { applyKeep, type Dated, type Keep } from '../../../../src/maintenance/retention/index.ts';

const DAY_MS = 24 * 3600 * 1000;
/** Later than all that is made here. */
const NOW = Date.parse('2030-01-01T00:00:00Z');
const sunday = { weekday: 'sunday' } as const;

function kept(all: readonly Dated[], keep: Keep | undefined, timezone = 'UTC'): readonly string[] {
  return applyKeep(all, keep, timezone, NOW)
    .filter(({ keep }) => keep)
    .map(({ item }) => item.name);
}

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
  const span = fc.option(
    fc.oneof(
      fc.integer({ min: 1, max: 400 }).map((days) => days * DAY_MS),
      fc.integer({ min: 1, max: 100 }).map((hours) => hours * 3_600_000),
    ),
    { nil: undefined },
  );
  const rules = fc.record({
    last: count,
    days: count,
    daily: count,
    weekly: count,
    monthly: count,
    within: span,
    withinWeekly: span,
    withinMonthly: span,
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
          const judged = applyKeep([...left, one], keep, 'Europe/Berlin', NOW);
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
