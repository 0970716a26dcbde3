import fc from 'fast-check';
import { expect, test } from 'vitest';
import { dueRun, nextRun, wallClock, type Past } from '../../../../src/platform/jobs/due.ts';

const at = (time: string): number => Date.parse(time);

test.each(['Europe/Berlin', 'America/New_York', 'Australia/Lord_Howe', 'America/Santiago', 'UTC'])(
  'looked at every few minutes for two years, a daily job runs exactly once for each day in %s',
  (timezone) => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 23 }),
        fc.integer({ min: 0, max: 59 }),
        fc.integer({ min: 4, max: 55 }),
        (hour, minute, stepMinutes) => {
          const when = { cron: `${minute} ${hour} * * *` };
          const ran: string[] = [];
          const start = at('2026-01-01T12:00:00Z');
          let past: Past = { since: wallClock(start, timezone) };
          // only the days around a change of the clock and a few others: two years are too many minutes
          for (const day of [
            0, 1, 66, 67, 87, 88, 89, 90, 93, 94, 95, 246, 247, 248, 276, 277, 297, 298, 304, 305, 365,
          ]) {
            for (let step = 0; step < 1440; step += stepMinutes) {
              const now = start + day * 86_400_000 + step * 60_000;
              const due = dueRun(when, timezone, now, past);
              if (due === undefined) continue;
              ran.push(due.slice(0, 10));
              past = { ...past, last: { due, attempts: 1, outcome: 'done', startedAt: now } };
            }
          }
          expect(new Set(ran).size).toBe(ran.length);
          expect(ran.length).toBeGreaterThanOrEqual(20);
        },
      ),
      { numRuns: 15 },
    );
  },
);

test('whatever moments are asked for, and in whatever order, the run that is due and the next one are those around each', () => {
  const DAY_MS = 86_400_000;
  const since = '2000-01-01T00:00';
  const beside = fc.oneof(fc.constantFrom(-1, 0, 1), fc.integer({ min: 0, max: 1439 }));
  const asked = fc.array(fc.tuple(fc.integer({ min: 0, max: 5 }), beside), { minLength: 2, maxLength: 20 });
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 1439 }), asked, (minuteOfDay, moments) => {
      const when = { cron: `${minuteOfDay % 60} ${Math.floor(minuteOfDay / 60)} * * *` };
      const first = at('2026-01-01T00:00:00Z') + minuteOfDay * 60_000;
      for (const [day, minutes] of moments) {
        const now = first + day * DAY_MS + minutes * 60_000;
        const last = now - ((((now - first) % DAY_MS) + DAY_MS) % DAY_MS);
        expect(dueRun(when, 'UTC', now, { since })).toBe(wallClock(last, 'UTC'));
        expect(nextRun(when, 'UTC', now, { since })).toBe(last + DAY_MS);
      }
    }),
  );
});
