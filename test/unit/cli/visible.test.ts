import fc from 'fast-check';
import { expect, test } from 'vitest';
import { visible, visibleJson, visibleLines } from '../../../src/cli/visible.ts';

test.each<[string, string]>([
  ['/in/übung 日本.tar', '/in/übung 日本.tar'],
  ['\u001B[2J\u001B]0;pwned\u0007a.tar', String.raw`\u{1b}[2J\u{1b}]0;pwned\u{7}a.tar`],
  ['\u009B31mred', String.raw`\u{9b}31mred`],
  ['a\nwavspool: all well\r', String.raw`a\nwavspool: all well\r`],
  ['gpj.\u202Eevil', String.raw`gpj.\u{202e}evil`],
  ['\uD800', String.raw`\u{d800}`],
])('%j is shown as %s', (name, shown) => {
  expect(visible(name)).toBe(shown);
});

test('no text has a terminal do anything', () => {
  const obeyed = /[\p{Cc}\u202A-\u202E\u2066-\u2069]/u;
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      expect(visible(text)).not.toMatch(obeyed);
      expect(visibleLines(text).replaceAll('\n', '')).not.toMatch(obeyed);
      const json = visibleJson(JSON.stringify([text]));
      expect(json).not.toMatch(obeyed);
      expect(JSON.parse(json)).toEqual([text]);
    }),
  );
});
