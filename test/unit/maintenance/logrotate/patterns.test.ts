import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { collapsibleBytes } from '../../../../src/maintenance/logrotate/system-programs.ts';
import { dateFormat } from '../../../../src/maintenance/logrotate/names.ts';
import { globPattern } from '../../../../src/maintenance/logrotate/logs-of.ts';

describe('a pattern of names', () => {
  test.each([
    ['*.log', 'a.log', true],
    ['*.log', '.log', false],
    ['*.log', '.a.log', false],
    ['.*.log', '.a.log', true],
    ['*', 'a', true],
    ['?.log', '.log', false],
    ['?.log', 'ä.log', true],
    ['a[0-9].log', 'a5.log', true],
    ['a[0-9].log', 'ax.log', false],
    ['a[!0-9].log', 'ax.log', true],
    ['a[^0-9].log', 'a5.log', false],
    ['a[]x].log', 'a].log', true],
    ['a[]x].log', 'ax.log', true],
    ['a[!]].log', 'a].log', false],
    ['a[-z].log', 'a-.log', true],
    ['a[z-].log', 'a-.log', true],
    ['a[.log', 'a[.log', true],
    [String.raw`a\*.log`, 'a*.log', true],
    [String.raw`a\*.log`, 'ab.log', false],
    ['a+(b).log', 'a+(b).log', true],
    ['{a,b}.log', 'a.log', false],
    ['a*b*c', 'aXbYc', true],
    ['a*b*c', 'aXbY', false],
    ['a.log', 'aXlog', false],
    ['[z-a].log', 'm.log', false],
  ])('%s takes %s: %s', (pattern, name, takes) => {
    expect(globPattern(pattern).test(name)).toBe(takes);
  });

  test('is always one that can be used', () => {
    const parts = fc.string({
      unit: fc.constantFrom('[', ']', '!', '^', '-', '\\', '*', '?', 'a', 'z', '.', '\n'),
    });
    fc.assert(
      fc.property(parts, (part) => {
        expect(globPattern(part)).toBeInstanceOf(RegExp);
      }),
    );
  });
});

describe('a date', () => {
  const AT = Date.parse('2026-01-02T23:04:05Z');
  test.each([
    ['-%Y%m%d', 'UTC', '-20260102'],
    ['-%Y%m%d', 'Europe/Berlin', '-20260103'],
    ['.%H:%M:%S', 'UTC', '.23:04:05'],
    ['-%Y-W%V', 'UTC', '-2026-W01'],
    ['-%s', 'Europe/Berlin', '-1767395045'],
    ['%%Y', 'UTC', '%2026'],
    ['-%Y.a', 'UTC', '-2026.a'],
  ])('%s in %s is %s', (format, timezone, suffix) => {
    const dates = dateFormat(format, timezone);
    expect(dates.format(AT)).toBe(suffix);
    expect(dates.order(suffix)).toBeDefined();
  });

  test.each(['-2026010', '-202601022', '-20261302', '20260102', '-2026010x'])(
    '%s is none of -%%Y%%m%%d',
    (suffix) => {
      expect(dateFormat('-%Y%m%d', 'UTC').order(suffix)).toBeUndefined();
    },
  );

  test('later ones sort behind earlier ones', () => {
    const formats = fc.constantFrom('-%Y%m%d%H%M%S', '-%d-%m-%Y_%H%M%S', '-%s');
    const moments = fc.integer({ min: 1_100_000_000, max: 4_000_000_000 }).map((seconds) => seconds * 1000);
    fc.assert(
      fc.property(formats, moments, moments, (format, one, other) => {
        const dates = dateFormat(format, 'UTC');
        const order = (at: number): number => dates.order(dates.format(at)) ?? Number.NaN;
        expect(Math.sign(order(one) - order(other))).toBe(Math.sign(one - other));
      }),
    );
  });
});

test.each([
  [0, 0, 0],
  [4095, 5000, 0],
  [4096, 4097, 4096],
  [4096, 4096, 0],
  [8192, 8192, 4096],
  [10_000, 10_001, 8192],
])('of %i bytes in a log of %i so many can be collapsed: %i', (until, size, bytes) => {
  expect(collapsibleBytes(until, size, 4096)).toBe(bytes);
});
