import { expect, test } from 'vitest';
import type { KeptEvent } from '../../../../src/domain/history.ts';
import { marksOf, secondsUntilDone, secondsUntilFull } from '../../../../src/operate/history/index.ts';

const HOUR_MS = 3_600_000;

function event(name: string, at: number, fields: object = {}): KeptEvent {
  return {
    seq: at,
    id: String(at),
    at,
    level: 'info',
    event: name,
    role: 'upload',
    by: undefined,
    fields: { ...fields },
  };
}

test('an outage lasts from the first word of it to the last, whatever several roles say', () => {
  const marks = marksOf([
    event('store back', 50),
    event('store away', 20),
    event('store away', 10),
    event('store away', 70),
  ]);
  expect(marks).toMatchObject([
    { what: 'outage', at: 10, until: 50 },
    { what: 'outage', at: 70, until: undefined },
  ]);
});

test('Redis and the ledger have marks of their own, which end each for itself', () => {
  const told = [
    event('redis away', 1),
    event('ledger away', 2),
    event('redis back', 3),
    event('store back', 4),
    event('ledger back', 5),
  ];
  expect(marksOf(told)).toEqual([
    { what: 'redis', at: 1, until: 3, said: 'Redis unreachable' },
    { what: 'ledger', at: 2, until: 5, said: 'Ledger unreachable' },
  ]);
});

test('a pause has its reason, and an end without a beginning is none', () => {
  expect(marksOf([event('queues resumed', 1), event('queues paused', 2, { reason: 'a move' })])).toEqual([
    { what: 'pause', at: 2, until: undefined, said: 'Paused: a move' },
  ]);
});

test('roles that start together are one restart', () => {
  const marks = marksOf([0, 100, 900, 200_000].map((at) => event('role started', at)));
  expect(marks.map(({ at }) => at)).toEqual([0, 200_000]);
});

test('a disk that fills is full when it goes on so; of less than an hour nothing follows', () => {
  expect(
    secondsUntilFull([
      { at: 0, freeBytes: 2000 },
      { at: HOUR_MS, freeBytes: 1000 },
    ]),
  ).toBe(3600);
  expect(
    secondsUntilFull([
      { at: 0, freeBytes: 1000 },
      { at: HOUR_MS, freeBytes: 1000 },
    ]),
  ).toBeUndefined();
  expect(
    secondsUntilFull([
      { at: 0, freeBytes: 2000 },
      { at: HOUR_MS - 1, freeBytes: 1000 },
    ]),
  ).toBeUndefined();
  expect(secondsUntilFull([])).toBeUndefined();
});

test('a backlog is done at the pace of the last hour; what does not move has no end', () => {
  expect(secondsUntilDone(100, 50, HOUR_MS)).toBe(7200);
  expect(secondsUntilDone(100, 0, HOUR_MS)).toBeUndefined();
  expect(secondsUntilDone(0, 50, HOUR_MS)).toBeUndefined();
});
