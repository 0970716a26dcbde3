import { describe, expect, test } from 'vitest';
import { canResume, followLog } from '../../../../../src/maintenance/point-in-time/capture/follow-wal.ts';

interface Place {
  readonly salt: string;
  readonly frame: number;
  readonly checksum: readonly [number, number];
}

const position: Place = { salt: 'a', frame: 10, checksum: [1, 2] };
const next: Place = { salt: 'b', frame: 0, checksum: [0, 0] };
const left = { position, commits: 100 };
const nothing: readonly [number, number] = [0, 0];
const other: readonly [number, number] = [3, 4];

describe('a log that our read transaction protects', () => {
  test.each([
    ['nothing new', left, { frames: 10, salt: 'a', checksum: position.checksum, commits: 100 }, 'nothing'],
    [
      'nothing new, index made anew',
      left,
      { frames: 10, salt: 'a', checksum: position.checksum, commits: 0 },
      'nothing',
    ],
    ['new commits', left, { frames: 12, salt: 'a', checksum: other, commits: 102 }, 'read'],
    [
      'other commits at the same place',
      left,
      { frames: 10, salt: 'a', checksum: other, commits: 100 },
      'gap',
    ],
    ['fewer commits', left, { frames: 9, salt: 'a', checksum: other, commits: 99 }, 'gap'],
    ['emptied', left, { frames: 0, salt: 'b', checksum: nothing, commits: 100 }, 'nothing'],
    [
      'emptied with commits that were not shipped',
      left,
      { frames: 0, salt: 'b', checksum: nothing, commits: 101 },
      'gap',
    ],
    ['started over', left, { frames: 2, salt: 'b', checksum: other, commits: 101 }, 'read'],
    [
      'started over, header not yet written',
      left,
      { frames: 2, salt: 'c', checksum: other, commits: 101 },
      'later',
    ],
    [
      'started over, not known from where',
      { ...left, commits: undefined },
      { frames: 2, salt: 'b', checksum: other, commits: 101 },
      'gap',
    ],
    [
      'empty, still',
      { ...left, position: undefined },
      { frames: 0, salt: 'b', checksum: nothing, commits: 100 },
      'nothing',
    ],
    [
      'empty before',
      { ...left, position: undefined },
      { frames: 1, salt: 'b', checksum: other, commits: 101 },
      'read',
    ],
  ] as const)('%s', (_, from, now, kind) => {
    expect(followLog(from, now, next).kind).toBe(kind);
  });

  test('one that started over is read from its beginning and must hold all that was counted since', () => {
    const now = { frames: 9, salt: 'b', checksum: other, commits: 107 };
    expect(followLog(left, now, next)).toEqual({ kind: 'read', from: next, commits: 7 });
  });

  test('one that did not is read from where it was left', () => {
    const now = { frames: 12, salt: 'a', checksum: other, commits: 7 };
    expect(followLog(left, now, position)).toEqual({ kind: 'read', from: position, commits: 1 });
  });

  test('the count of commits may wrap around', () => {
    const now = { frames: 9, salt: 'b', checksum: other, commits: 2 };
    expect(followLog({ ...left, commits: 2 ** 32 - 1 }, now, next)).toMatchObject({ commits: 3 });
  });

  test('an index that was made anew with a new log proves nothing: no log holds so many commits', () => {
    const now = { frames: 2, salt: 'b', checksum: other, commits: 1 };
    expect(followLog(left, now, next)).toMatchObject({ commits: 2 ** 32 - 99 });
  });
});

test.each([
  [
    'the same log, nothing new',
    position,
    { frames: 10, salt: 'a', checksum: position.checksum },
    position,
    true,
  ],
  ['the same log, more commits', position, { frames: 12, salt: 'a', checksum: other }, position, true],
  ['the same log, but shorter', position, { frames: 3, salt: 'a', checksum: other }, position, false],
  ['the same log, other commits', position, { frames: 10, salt: 'a', checksum: other }, position, false],
  [
    'another log: the last one may have grown first',
    position,
    { frames: 12, salt: 'b', checksum: other },
    next,
    false,
  ],
  ['another header than the index knows', position, { frames: 12, salt: 'a', checksum: other }, next, false],
  ['no log', position, undefined, undefined, false],
  [
    'not known where it was left',
    undefined,
    { frames: 10, salt: 'a', checksum: position.checksum },
    position,
    false,
  ],
] as const)('no reader protected it: %s', (_, from, now, start, expected) => {
  expect(canResume(from, now && { ...now, commits: 1 }, start)).toBe(expected);
});
