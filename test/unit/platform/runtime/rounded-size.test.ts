import { expect, test } from 'vitest';
import { roundedSize } from '../../../../src/platform/runtime/rounded-size.ts';

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
