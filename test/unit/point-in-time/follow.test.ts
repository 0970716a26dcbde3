import { describe, expect, test } from 'vitest';
import { canResume, followLog } from '../../../src/point-in-time/follow.ts';

type Left = { sequence: number; salt: string; frame: number; checksum: readonly [number, number] };

const left: Left = { sequence: 7, salt: 'a', frame: 10, checksum: [1, 2] };
const next: Left = { sequence: 8, salt: 'b', frame: 0, checksum: [0, 0] };

describe('a log that our read transaction protects', () => {
  test.each([
    ['nothing new', left, { frames: 10, salt: 'a', checksum: [1, 2] }, left, 'nothing'],
    ['new commits', left, { frames: 12, salt: 'a', checksum: [3, 4] }, left, 'read'],
    ['other commits at the same place', left, { frames: 10, salt: 'a', checksum: [9, 9] }, left, 'gap'],
    ['fewer commits', left, { frames: 9, salt: 'a', checksum: [1, 2] }, left, 'gap'],
    ['emptied', left, { frames: 0, salt: 'b', checksum: [0, 0] }, left, 'nothing'],
    ['started over, header not yet written', left, { frames: 2, salt: 'b', checksum: [3, 4] }, left, 'later'],
    ['started over', left, { frames: 2, salt: 'b', checksum: [3, 4] }, next, 'read'],
    ['started over twice', left, { frames: 2, salt: 'b', checksum: [3, 4] }, { ...next, sequence: 9 }, 'gap'],
    ['empty before, empty now', undefined, { frames: 0, salt: 'b', checksum: [0, 0] }, undefined, 'nothing'],
    [
      'empty before',
      undefined,
      { frames: 1, salt: 'b', checksum: [3, 4] },
      { ...next, sequence: 99 },
      'read',
    ],
  ] as const)('%s', (_, from, now, start, kind) => {
    expect(followLog(from, now, start).kind).toBe(kind);
  });

  test('one that started over is read from its beginning, one that did not from where it was left', () => {
    expect(followLog(left, { frames: 2, salt: 'b', checksum: [3, 4] }, next)).toEqual({
      kind: 'read',
      from: next,
    });
    expect(followLog(left, { frames: 12, salt: 'a', checksum: [3, 4] }, left)).toEqual({
      kind: 'read',
      from: left,
    });
  });

  test('the sequence number may wrap around', () => {
    const last = { ...left, sequence: 2 ** 32 - 1 };
    expect(followLog(last, { frames: 1, salt: 'b', checksum: [3, 4] }, { ...next, sequence: 0 }).kind).toBe(
      'read',
    );
  });
});

test.each([
  ['the same log, nothing new', left, { frames: 10, salt: 'a', checksum: [1, 2] }, left, true],
  ['the same log, more commits', left, { frames: 12, salt: 'a', checksum: [3, 4] }, left, true],
  ['the same log, but shorter', left, { frames: 3, salt: 'a', checksum: [3, 4] }, left, false],
  ['the same log, other commits', left, { frames: 10, salt: 'a', checksum: [3, 4] }, left, false],
  ['the next log: it may have grown first', left, { frames: 2, salt: 'b', checksum: [3, 4] }, next, false],
  [
    'a new log with the same number',
    left,
    { frames: 12, salt: 'c', checksum: [3, 4] },
    { ...left, salt: 'c' },
    false,
  ],
  ['no log', left, undefined, undefined, false],
  ['not known where it was left', undefined, { frames: 10, salt: 'a', checksum: [1, 2] }, left, false],
] as const)('nobody protected it: %s', (_, from, now, start, expected) => {
  expect(canResume(from, now, start)).toBe(expected);
});
