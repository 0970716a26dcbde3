import { expect, test } from 'vitest';
import { columnWidths, counted, outline } from '../../../src/cli/output.ts';

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

test('a table keeps to the width of a terminal: the widest columns give first, and none below what can be read', () => {
  const cells = [
    ['SINCE', 'PATH', 'ERROR'],
    ['2026-11-20', 'p'.repeat(100), 'e'.repeat(50)],
  ];
  const widths = columnWidths(cells, 80);
  expect(widths?.[0]).toBe('2026-11-20'.length + 2);
  expect(widths?.reduce((sum, width) => sum + width)).toBe(80);
  const many = Array.from({ length: 200_000 }, () => ['2026-11-20', 'p'.repeat(9), 'e']);
  expect(columnWidths(many, 80)).toBeUndefined();
  expect([columnWidths(cells, 300), columnWidths(cells, undefined), columnWidths(cells, 20)]).toEqual([
    undefined,
    undefined,
    undefined,
  ]);
});
