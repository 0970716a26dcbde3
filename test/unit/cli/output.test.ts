import { expect, test } from 'vitest';
import { counted, roundedSize } from '../../../src/cli/output.ts';

test.each([
  [0, '0 B'],
  [1023, '1023 B'],
  [1024, '1.0 KiB'],
  [436_000_000, '415.8 MiB'],
  [78_300_000_000, '72.9 GiB'],
  [2 ** 50, '1024.0 TiB'],
])('%d bytes are %s', (bytes, text) => {
  expect(roundedSize(bytes)).toBe(text);
});

test('one of a kind is no plural', () => {
  expect([0, 1, 2].map((number) => counted(number, 'tar'))).toEqual(['0 tars', '1 tar', '2 tars']);
});
