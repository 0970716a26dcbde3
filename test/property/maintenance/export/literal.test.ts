import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { literalOf, quoted, type Encoding, type Value } from '../../../../src/maintenance/export/literal.ts';

const sql = (value: Value, isText = false, encoding: Encoding = 'UTF-8'): string =>
  [...literalOf(value, isText, encoding)].join('');
const text = (value: string): string => sql(Buffer.from(value), true);

test.each<[string, Value, string]>([
  ['NULL', null, 'NULL'],
  ['the largest integer', 9223372036854775807n, '9223372036854775807'],
  ['the smallest integer', -9223372036854775808n, '-9223372036854775808'],
  ['a real', 0.5, '0.5'],
  ['a blob', Buffer.from([0, 255, 39]), "X'00ff27'"],
  ['an empty blob', Buffer.alloc(0), "X''"],
])('%s', (_name, value, literal) => {
  expect(sql(value)).toBe(literal);
});

describe('text', () => {
  test.each([
    ['', "''"],
    ["it's", "'it''s'"],
    ['Grüße 🎧\t', "'Grüße 🎧\t'"],
    ['a\nb', String.raw`replace('a\nb','\n',char(10))`],
    ['a\r\nb', String.raw`replace(replace('a\r\nb','\n',char(10)),'\r',char(13))`],
    ['\\n\n', String.raw`replace('\n\(n1)','\(n1)',char(10))`],
    ['a\0b', "CAST(X'610062' AS TEXT)"],
    ['\u001b[31m', "CAST(X'1b5b33316d' AS TEXT)"],
  ])('%j', (value, literal) => {
    expect(text(value)).toBe(literal);
  });

  test('that is no valid UTF-8 keeps its bytes', () => {
    expect(sql(Buffer.from([0x61, 0xff]), true)).toBe("CAST(X'61ff' AS TEXT)");
    expect(sql(Buffer.from([0xed, 0xa0, 0x80]), true)).toBe("CAST(X'eda080' AS TEXT)"); // a lone surrogate
  });

  test('of a UTF-16 database is read in its byte order', () => {
    expect(sql(Buffer.from('é', 'utf16le'), true, 'UTF-16le')).toBe("'é'");
    expect(sql(Buffer.from('é', 'utf16le').swap16(), true, 'UTF-16be')).toBe("'é'");
    expect(sql(Buffer.from([0x00, 0xd8]), true, 'UTF-16le')).toBe("CAST(X'00d8' AS TEXT)");
    expect(sql(Buffer.from([0x61]), true, 'UTF-16be')).toBe("CAST(X'61' AS TEXT)");
  });

  test('is one line without NUL and CR, whatever it holds', () => {
    const nasty = fc
      .array(fc.constantFrom('\n', '\r', '\\n', '\\r', "'", '\\(n1)', '\0', ';', 'é'))
      .map((all) => all.join(''));
    fc.assert(
      fc.property(fc.oneof(nasty, fc.string({ unit: 'binary' })), (value) => !/[\0\n\r]/.test(text(value))),
    );
  });
});

test('a large blob comes in pieces', () => {
  const blob = Buffer.alloc(3_000_000, 7);
  const pieces = [...literalOf(blob, false, 'UTF-8')];
  expect(pieces.length).toBeGreaterThan(4);
  expect(pieces.join('')).toBe(`X'${blob.toString('hex')}'`);
});

test('a name is quoted', () => {
  expect(quoted('a"b c')).toBe('"a""b c"');
});
