import { expect, test } from 'vitest';
import { counted, outline } from '../../../src/cli/output.ts';

test('one of a kind is no plural', () => {
  expect([0, 1, 2].map((number) => counted(number, 'tar'))).toEqual(['0 tars', '1 tar', '2 tars']);
});

test('an outline has a line for each field, a dash for each item, and says where a list is empty', () => {
  const told = {
    path: '/in/a.tar',
    onDisk: { bytes: 10, modified: undefined },
    failure: null,
    shared: [],
    names: ['a.wav', 'b.wav'],
    receipts: [{ seq: 1, keys: ['k'] }, { seq: 2 }],
  };
  expect(outline(told)).toEqual([
    'path: /in/a.tar',
    'onDisk:',
    '  bytes: 10',
    'shared: none',
    'names:',
    '  - a.wav',
    '  - b.wav',
    'receipts:',
    '  - seq: 1',
    '    keys:',
    '      - k',
    '  - seq: 2',
  ]);
});
