import { expect, test } from 'vitest';
import { visible } from '../../../src/cli/visible.ts';

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
