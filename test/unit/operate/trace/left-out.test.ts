import { expect, test } from 'vitest';
import { leftOutOf, versionsOf } from '../../../../src/operate/trace/index.ts';

const at = (second: number): number => Date.UTC(2026, 10, 28, 10, 0, second);
const extraction = (second: number, fields: object) => ({
  at: at(second),
  event: 'tar extracted',
  fields: { ...fields },
});

test('what the last extraction left out is told with its reasons, also of a name with brackets', () => {
  const reported = [
    extraction(1, { skippedNames: ['old.txt'], refusedNames: [], notes: [] }),
    extraction(2, {
      skippedNames: ['index.csv'],
      skippedReasons: ['its name does not end in .wav'],
      refusedNames: ['../a (2).wav (its path has a ".." in it)', 'b.wav'],
      notes: ['it ends with one zero block'],
    }),
    { at: at(3), event: 'receipt written', fields: { seq: 1 } },
  ];
  expect(leftOutOf(reported)).toEqual({
    skipped: [{ name: 'index.csv', reason: 'its name does not end in .wav' }],
    refused: [
      { name: '../a (2).wav', reason: 'its path has a ".." in it' },
      { name: 'b.wav', reason: null },
    ],
    notes: ['it ends with one zero block'],
  });
  expect(leftOutOf(reported.slice(0, 1))?.skipped).toEqual([{ name: 'old.txt', reason: null }]);
});

test('an event that was shortened, or none, tells nothing', () => {
  expect(leftOutOf([extraction(1, { shortened: '{"tar' })])).toBe(undefined);
  expect(leftOutOf([])).toBe(undefined);
});

test('a version is known from its row, its receipt or what was reported, the newest first', () => {
  const row = {
    sha256: 'third',
    timestamp: '2026-11-28 10:00:09',
    recordings: 3,
    bytes: 30,
    receipts: [
      { seq: 4, key: 'r/4', sha256: 'x', tarSha256: 'first' },
      { seq: 7, key: 'r/7', sha256: 'y', tarSha256: 'third' },
    ],
  };
  const reported = [
    extraction(5, { sha256: 'second', recordings: 2, bytes: 20 }),
    extraction(9, { sha256: 'third', recordings: 3, bytes: 30 }),
  ];
  expect(versionsOf(row, reported)).toEqual([
    {
      sha256: 'third',
      at: '2026-11-28T10:00:09Z',
      recordings: 3,
      bytes: 30,
      isPresent: true,
      receipt: { seq: 7, key: 'r/7', sha256: 'y' },
    },
    {
      sha256: 'second',
      at: '2026-11-28T10:00:05.000Z',
      recordings: 2,
      bytes: 20,
      isPresent: false,
      receipt: null,
    },
    {
      sha256: 'first',
      at: null,
      recordings: null,
      bytes: null,
      isPresent: false,
      receipt: { seq: 4, key: 'r/4', sha256: 'x' },
    },
  ]);
  expect(versionsOf({ ...row, sha256: undefined, receipts: [] }, [])).toEqual([]);
});
