import { describe, expect, test } from 'vitest';
import { dueRun, missedSince, nextRun, type Past } from '../../../../src/platform/jobs/due.ts';

const BERLIN = 'Europe/Berlin';
const NIGHTLY = { cron: '30 2 * * *' };
const OLD: Past = { since: '2020-01-01T00:00' };

function at(iso: string): number {
  return Temporal.Instant.from(iso).epochMilliseconds;
}

function done(due: string): Past {
  return { ...OLD, last: { due, attempts: 1, outcome: 'done', startedAt: 0 } };
}

describe('a run is due', () => {
  test.each([
    ['at its minute', '2026-03-03T01:30:00Z', done('2026-03-02T02:30'), '2026-03-03T02:30'],
    ['not a second before', '2026-03-03T01:29:59.999Z', done('2026-03-02T02:30'), undefined],
    ['not twice', '2026-03-03T01:30:30Z', done('2026-03-03T02:30'), undefined],
    [
      'once for however many were missed',
      '2026-03-09T12:00:00Z',
      done('2026-03-02T02:30'),
      '2026-03-09T02:30',
    ],
    [
      'not for what was due before its schedule was known',
      '2026-03-09T12:00:00Z',
      { since: '2026-03-09T02:30' },
      undefined,
    ],
    ['although it never ran', '2026-03-09T12:00:00Z', { since: '2026-03-09T02:29' }, '2026-03-09T02:30'],
    [
      'in the first of two hours of one name',
      '2026-10-25T00:30:00Z',
      done('2026-10-24T02:30'),
      '2026-10-25T02:30',
    ],
    ['not in the second of them', '2026-10-25T01:30:00Z', done('2026-10-25T02:30'), undefined],
    [
      'not before it comes in the second of them',
      '2026-10-25T01:10:00Z',
      done('2026-10-25T02:30'),
      undefined,
    ],
    [
      'in the second of them if the first was missed',
      '2026-10-25T01:30:00Z',
      done('2026-10-24T02:30'),
      '2026-10-25T02:30',
    ],
    [
      'as soon as the clock has skipped its hour',
      '2026-03-29T01:00:00Z',
      done('2026-03-28T02:30'),
      '2026-03-29T02:30',
    ],
    ['not again after that', '2026-03-29T01:30:00Z', done('2026-03-29T02:30'), undefined],
  ] as const)('%s', (_, now, past, expected) => {
    expect(dueRun(NIGHTLY, BERLIN, at(now), past)).toBe(expected);
  });

  test.each([
    ['failed', 1, 4, undefined],
    ['failed', 1, 5, '2026-03-03T02:30'],
    ['failed', 3, 60, '2026-03-03T02:30'],
    ['failed', 4, 600, undefined],
    ['running', 1, 0, '2026-03-03T02:30'],
    ['running', 4, 0, undefined],
  ] as const)(
    'after one that is %s (attempt %i), %i minutes later: %s',
    (outcome, attempts, minutes, expected) => {
      const startedAt = at('2026-03-03T01:30:00Z');
      const past: Past = { ...OLD, last: { due: '2026-03-03T02:30', attempts, outcome, startedAt } };
      expect(dueRun(NIGHTLY, BERLIN, startedAt + minutes * 60_000, past)).toBe(expected);
    },
  );

  test('so long after the last one began, and at once after the clock was ahead', () => {
    const every = { everyMs: 300_000 };
    const startedAt = at('2026-03-03T01:30:00Z');
    const past: Past = { ...OLD, last: { due: '2026-03-03T02:30', attempts: 1, outcome: 'done', startedAt } };
    expect(dueRun(every, 'UTC', startedAt + 298_999, past)).toBeUndefined();
    expect(dueRun(every, 'UTC', startedAt + 299_000, past)).toBe('2026-03-03T01:34');
    expect(dueRun(every, 'UTC', startedAt - 60_000, past)).toBeUndefined(); // a clock that is kept right
    expect(dueRun(every, 'UTC', startedAt - 60_001, past)).toBe('2026-03-03T01:28');
    expect(dueRun(every, 'UTC', startedAt, OLD)).toBe('2026-03-03T01:30');
  });
});

describe('a clock that was ahead', () => {
  const startedAt = at('2036-03-03T01:30:00Z');
  const ahead = (outcome: 'running' | 'done' | 'failed', attempts: number): Past => ({
    ...OLD,
    last: { due: '2036-03-03T02:30', attempts, outcome, startedAt },
  });
  test.each([
    ['done', 1],
    ['failed', 4],
    ['running', 4],
  ] as const)('stops no schedule: its run is %s after attempt %i', (outcome, attempts) => {
    const now = at('2026-03-03T01:30:00Z');
    expect(dueRun(NIGHTLY, BERLIN, now, ahead(outcome, attempts))).toBe('2026-03-03T02:30');
  });
  test('keeps no failed run from its next attempt', () => {
    const past: Past = {
      ...OLD,
      last: {
        due: '2026-03-03T02:30',
        attempts: 1,
        outcome: 'failed',
        startedAt: at('2026-03-03T05:00:00Z'),
      },
    };
    expect(dueRun(NIGHTLY, BERLIN, at('2026-03-03T02:00:00Z'), past)).toBe('2026-03-03T02:30');
  });
});

describe('a run is missed since', () => {
  const since = '2026-03-01T12:00';
  test.each([
    ['the first that was never done', '2026-03-09T12:00:00Z', undefined, '2026-03-02T01:30:00Z'],
    [
      'the first after the last good one',
      '2026-03-09T12:00:00Z',
      '2026-03-05T01:31:00Z',
      '2026-03-06T01:30:00Z',
    ],
    ['its own minute', '2026-03-06T01:30:00Z', '2026-03-05T01:30:00Z', '2026-03-06T01:30:00Z'],
    ['never, before it', '2026-03-06T01:29:59Z', '2026-03-05T01:30:00Z', undefined],
    ['never, when an operator ran it', '2026-03-06T12:00:00Z', '2026-03-06T09:00:00Z', undefined],
    [
      'then, whatever was done while the clock was ahead',
      '2026-03-03T12:00:00Z',
      '2036-01-01T00:00:00Z',
      '2026-03-02T01:30:00Z',
    ],
    [
      'the moment when the clock has skipped its hour',
      '2026-03-30T12:00:00Z',
      '2026-03-28T01:30:00Z',
      '2026-03-29T01:30:00Z',
    ],
  ] as const)('%s', (_, now, goodAt, expected) => {
    const good = goodAt === undefined ? undefined : at(goodAt);
    const missed = missedSince(NIGHTLY, BERLIN, at(now), { since, goodAt: good });
    expect(missed).toBe(expected === undefined ? undefined : at(expected));
  });
  test('its interval, and does not move while nothing runs', () => {
    const goodAt = at('2026-03-03T01:30:00Z');
    const missed = (minutes: number): number | undefined =>
      missedSince({ everyMs: 300_000 }, BERLIN, goodAt + minutes * 60_000, { since, goodAt });
    expect([4, 5, 50, 5000].map(missed)).toEqual([
      undefined,
      goodAt + 300_000,
      goodAt + 300_000,
      goodAt + 300_000,
    ]);
  });
});

test('the next run, where the clock skips its hour too', () => {
  expect(nextRun(NIGHTLY, BERLIN, at('2026-03-03T01:30:00Z'), OLD)).toBe(at('2026-03-04T01:30:00Z'));
  expect(nextRun(NIGHTLY, BERLIN, at('2026-03-28T12:00:00Z'), OLD)).toBe(at('2026-03-29T01:30:00Z'));
  expect(nextRun({ everyMs: 60_000 }, BERLIN, 1000, OLD)).toBe(61_000);
});
