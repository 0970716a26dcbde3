import fc from 'fast-check';
import picomatch from 'picomatch';
import { expect, test } from 'vitest';
import { isLiteral, tarPattern, textPattern } from '../../../../src/platform/pattern/index.ts';

test.each<[string, string, boolean]>([
  ['timeout|refused', '/x/a.wav connection refused', true],
  ['^/x/', '/x/a.wav', true],
  ['^/y/', '/x/a.wav', false],
  ['a.wav', '/x/aXwav', true],
  ['text:a.wav', '/x/aXwav', false],
  ['text:[1]', '/x/[1].wav', true],
  ['glob:/x/**/*.wav', '/x/y/z/a.wav', true],
  ['glob:*.wav', '/x/a.wav', false],
  ['.', '\n', true],
  ['\\p{Lu}', 'ä Ä', true],
])('%j fits %j: %s', (pattern, text, fits) => {
  expect(textPattern(pattern)(text)).toBe(fits);
});

test.each<[string, string, boolean]>([
  ['*', '/in/crm/2025/a.tar', true],
  ['*', '/in/a.tar', true],
  ['a.tar', '/in/crm/2025/a.tar', true],
  ['a.tar', '/in/crm/2025/ba.tar', false],
  ['crm/*.tar', '/in/crm/a.tar', true],
  ['crm/*.tar', '/in/crm/2025/a.tar', false],
  ['crm/**', '/in/crm/2025/09/a.tar', true],
  ['**/a.tar', '/in/a.tar', true],
  ['2025/**/a.tar', '/in/2025/a.tar', true],
  ['/in/**', '/in/crm/a.tar', true],
  ['crm/**', '/elsewhere/crm/a.tar', false],
  ['{a,b}.tar', '/in/b.tar', true],
  ['[a-c]?.tar', '/in/b1.tar', true],
  ['[!a-c].tar', '/in/b.tar', false],
  ['a,b.tar', '/in/a,b.tar', true],
  ['\\*.tar', '/in/*.tar', true],
  ['\\*.tar', '/in/a.tar', false],
  ['day+(1).tar', '/in/day+(1).tar', true],
  ['.*', '/in/.hidden', true],
])('the tars of %j have %j: %s', (glob, path, fits) => {
  expect(tarPattern('/in', glob)(path)).toBe(fits);
});

const paths = (one: fc.Arbitrary<string>) => fc.array(one, { minLength: 2, maxLength: 3 });

test('a glob of letters, * and ? fits what picomatch says that it fits', () => {
  const part = fc.stringMatching(/^[ab*?]{1,5}$/).filter((text) => !text.includes('**'));
  const name = fc.stringMatching(/^[ab]{1,6}$/);
  fc.assert(
    fc.property(paths(part), paths(name), (glob, path) => {
      const expected = picomatch(glob.join('/'), { dot: true })(path.join('/'));
      expect(tarPattern('/in', glob.join('/'))(`/in/${path.join('/')}`)).toBe(expected);
    }),
  );
});

test.each([
  ['^(a|a)*$', 'a'],
  ['(a+)+$', 'a'],
  ['glob:*a*a*a*a*a*a*a*a*b', 'a'],
  ['(x+x+)+y', 'x'],
])('%s takes no longer than the text is long', (pattern, letter) => {
  const fits = textPattern(pattern);
  expect(fits(`${letter.repeat(100_000)}!`)).toBe(false); // a backtracking engine would not come back
});

test.each([
  '(',
  '*.wav',
  '(?=a)',
  '(a)\\1',
  '(a{1000}){1000}',
  '.{1000}.{1000}.{1000}',
  'a'.repeat(257),
  `glob:${'*a'.repeat(200)}`,
])('%s is refused, with what can be written instead', (pattern) => {
  expect(() => textPattern(pattern)).toThrow(/write RE2 syntax, text:PART or glob:PATTERN/);
});

test('a literal means one tar', () => {
  expect(['crm/a.tar', 'crm/*.tar', 'a?.tar', '{a,b}.tar'].map(isLiteral)).toEqual([
    true,
    false,
    false,
    false,
  ]);
});
