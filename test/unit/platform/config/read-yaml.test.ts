import { expect, test } from 'vitest';
import { faultLines, load } from './place-settings.ts';

test.each([
  ['the same key twice', 'site: a\nsite: b', 'wavspool.yaml:2: this key stands twice in its mapping'],
  ['the same key twice, as an alias', '&k site: a\n*k : b', 'wavspool.yaml:2: '],
  ['a tab', 's3:\n\tbucket: x', 'wavspool.yaml:2: indented with a tab; YAML allows spaces only'],
  [
    'an open bracket',
    'a: 1\nlogs: [1',
    'wavspool.yaml:2: the indentation does not fit, or a bracket is not closed',
  ],
  ['an open quote', 'site: "main', 'wavspool.yaml:1: a quote, bracket, comma or colon is missing'],
  ['an unknown escape', 'site: "\\q"', 'wavspool.yaml:1: an unknown escape in double quotes'],
  ['a colon in a plain value', 'site: b: c', 'wavspool.yaml:1: a value that holds ": " must be in quotes'],
  [
    'a reserved character',
    'site: @x',
    'wavspool.yaml:1: a value that begins with "@" or "`" must be in quotes',
  ],
  ['two documents', 'site: a\n---\nsite: b', 'the file holds more than one document ("---")'],
  ['another YAML version', '%YAML 1.1\n---\nsite: a', 'wavspool.yaml: %YAML must be 1.2'],
  [
    'an alias to nothing',
    'site: *x',
    'wavspool.yaml:1: site: a value that begins with "*" must be in quotes',
  ],
  [
    'an anchor and no value',
    'http:\n  token: &x',
    'wavspool.yaml:2: http.token: a value that begins with "&"',
  ],
  ['a tag', 'site: !x a', 'wavspool.yaml:1: a value that begins with "!" must be in quotes'],
  ['a list as a key', '? [a]\n: b', 'wavspool.yaml:1: a key must be a text'],
  ['an empty key', '? \n: b', 'a key must be a text'],
  ['an empty file', '', 'wavspool.yaml: it is empty; write {} to run on the defaults'],
  ['nothing but comments', '# site: main\n', 'wavspool.yaml: it is empty; write {} to run on the defaults'],
  ['nothing but null', '~', 'wavspool.yaml: it is empty'],
  ['a list', '- site: main', 'wavspool.yaml: not a mapping: it must hold keys like "site: main"'],
  ['a text', 'main', 'wavspool.yaml: not a mapping'],
  ['a character that no text has', 'site: \uFDD0', 'wavspool.yaml: it holds characters that no text has'],
  ['a token out of place', 'site: - a', 'wavspool.yaml:1: something does not fit here'],
  ['nesting without end', '['.repeat(20_000), 'nested deeper than 32 levels'],
  ['nesting too deep', `a: ${'['.repeat(40)}${']'.repeat(40)}`, 'nested deeper than 32 levels'],
  ['an alias to the list that holds it', 'logs: &a [*a]', 'nested deeper than 32 levels'],
])('a settings file with %s is refused with its line', (_, yaml, fault) => {
  expect(faultLines(yaml).join('\n')).toContain(fault);
});

test('aliases that grow without measure are refused', () => {
  const layers = Array.from({ length: 9 }, (_, n) => `l${n + 1}: &l${n + 1} [${`*l${n}, `.repeat(10)}]`);
  expect(faultLines(['l0: &l0 [x]', ...layers].join('\n'))).toEqual([
    'wavspool.yaml: its aliases make it more than 50000 values',
  ]);
});

test('aliases within measure are values like others', () => {
  const { settings } = load(
    'logs:\n  - { path: a.log, cron: &c "0 1 * * *" }\n  - { path: b.log, cron: *c, rotate: 3 }',
  );
  expect(settings.logs.map(({ cron, rotate }) => [cron, rotate])).toEqual([
    ['0 1 * * *', 7],
    ['0 1 * * *', 3],
  ]);
});

test.each([
  '!hunter2',
  '*hunter2',
  '&hunter2',
  '@hunter2',
  '"hunter2\\q"',
  '"hunter2',
  'hunter2: x',
  '[hunter2',
])('P9: the secret in the unreadable text %s is not in the fault', (value) => {
  expect(faultLines(`http:\n  token: ${value}\n`).join('\n')).not.toContain('hunter2');
});

test('one slip in the syntax is not reported over and over', () => {
  const faults = faultLines('site: main\nlogs: [ { path: a }\nhttp:\n  port: 1\ns3:\n  bucket: x\n');
  expect(new Set(faults).size).toBe(faults.length);
  expect(faults.length).toBeLessThan(4);
});
