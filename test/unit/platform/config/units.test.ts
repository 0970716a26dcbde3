import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  formatDuration,
  formatSize,
  parseDuration,
  parseSize,
} from '../../../../src/platform/config/index.ts';

test.each([
  ['200ms', 200],
  ['30s', 30_000],
  ['5m', 300_000],
  ['2h', 7_200_000],
  ['30d', 2_592_000_000],
  ['12w', 7_257_600_000],
  ['0s', 0],
])('%s is %d milliseconds', (text, ms) => expect(parseDuration(text)).toBe(ms));

test.each([
  ['512KiB', 524_288],
  ['16MiB', 16_777_216],
  ['2GiB', 2_147_483_648],
  ['1TiB', 1_099_511_627_776],
  ['100B', 100],
  ['100', 100],
  ['0', 0],
])('%s is %d bytes', (text, bytes) => expect(parseSize(text)).toBe(bytes));

test.each([
  '',
  '5',
  'm',
  '5 m',
  '-5m',
  '1.5h',
  '5M',
  '5min',
  ' 5m',
  '5m ',
  '5m\n',
  '1e3s',
  '99999999999999w',
  '5constructor',
])('the text %j is no duration', (text) => expect(parseDuration(text)).toBeUndefined());

test.each([
  '',
  'KiB',
  '1.5GiB',
  '16MB',
  '16mib',
  '16 MiB',
  '-1',
  '1e9',
  '9007199254740993',
  '9007199254740993KiB',
  '1toString',
])('the text %j is no size', (text) => expect(parseSize(text)).toBeUndefined());

test.each([
  [0, '0s'],
  [1500, '1500ms'],
  [90_000, '90s'],
  [86_400_000, '1d'],
  [2_592_000_000, '30d'],
  [604_800_000, '1w'],
])('%d milliseconds are written %s', (ms, text) => expect(formatDuration(ms)).toBe(text));

test.each([
  [0, '0B'],
  [1023, '1023B'],
  [1536, '1536B'],
  [1024, '1KiB'],
  [17_179_869_184, '16GiB'],
])('%d bytes are written %s', (bytes, text) => expect(formatSize(bytes)).toBe(text));

test('what is written is read back as exactly the same', () => {
  fc.assert(
    fc.property(
      fc.maxSafeNat(),
      fc.constantFrom(1, 1000, 1024, 60_000, 1024 ** 3, 604_800_000),
      (number, factor) => {
        const value = Math.floor(number / factor) * factor;
        expect(parseDuration(formatDuration(value))).toBe(value);
        expect(parseSize(formatSize(value))).toBe(value);
      },
    ),
  );
});

test('no text makes a number that is not a whole one', () => {
  const texts = fc.oneof(fc.string(), fc.stringMatching(/^\d{1,20}(ms|[smhdwB]|[KMGT]iB)?$/));
  fc.assert(
    fc.property(texts, (text) => {
      for (const value of [parseDuration(text), parseSize(text)]) {
        expect(value === undefined || (Number.isSafeInteger(value) && value >= 0)).toBe(true);
      }
    }),
  );
});

test.each([0.5, Number.NaN, Number.POSITIVE_INFINITY])('%d cannot be written', (value) => {
  expect(() => formatDuration(value)).toThrow(RangeError);
  expect(() => formatSize(value)).toThrow(RangeError);
});
