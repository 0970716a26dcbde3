import { describe, expect, test } from 'vitest';
import { landingNames, tarMatcher } from '../../../../src/ingest/arrival/matcher.ts';

const settings = {
  patterns: ['**/*.tar', '**/*.tar.gz', '**/*.tgz'],
  temporary: ['**/*.part', '**/*.tmp', '**/.*'],
};

test.each([
  ['file1.tar', true],
  ['2025/09/01/file1.tar', true],
  ['2025/09/01/file1.tar.gz', true],
  ['2025/with space/(a) [b] {c}.tar', true],
  ['2025/.file1.tar', false],
  ['.file1.tar', false],
  ['file1.tar.part', false],
  ['file1.tar.PART', false],
  ['file1.tar.done', false],
  ['file1.tar.xz', false],
  ['tar', false],
  ['file1.TAR', true],
  ['2025/V1.2.TAR', true],
  ['CALLS.Tar.GZ', true],
  ['calls.TGZ', true],
  ['two\nlines/of\nname.tar', true],
  ['two\r\nlines/a.tar', true],
  ['\u2028/a.tar', true],
  ['.hidden/file1.tar', false],
  ['2025/.~tmp~/file1.tar', false],
  ['2025/.rsync-partial/deep/file1.tar', false],
  ['.snapshot/hourly.0/file1.tar', false],
  ['2025/@eaDir/file1.tar', false],
  ['lost+found/file1.tar', false],
  ['2025/my@eaDir/a+b/file1.tar', true],
])('%j: %s', (path, expected) => {
  expect(tarMatcher(settings)(path)).toBe(expected);
});

test('without temporary names every tar counts', () => {
  const matches = tarMatcher({ patterns: ['**/*.tar', '**/*.part'], temporary: [] });
  expect(matches('a/.b.tar')).toBe(true);
  expect(matches('a/b.part')).toBe(true);
});

test('a pattern in capitals takes small letters too, and a directory counts as it is written', () => {
  const matches = tarMatcher({ patterns: ['crm/**/*.TAR'], temporary: [] });
  expect(matches('crm/a.tar')).toBe(true);
  expect(matches('crm/a.TAR')).toBe(true);
  expect(matches('CRM/a.tar')).toBe(false);
});

describe('a directory that hides', () => {
  test.each([
    ['**/.in/*.tar', 'a/.in/x.tar', true],
    ['**/.in/*.tar', 'a/.out/x.tar', false],
    ['.in/**/*.tar', '.in/2025/x.tar', true],
    ['.in/**/*.tar', '.in/.~tmp~/x.tar', false],
    ['**/@eaDir/*.tar', 'a/@eaDir/x.tar', true],
    ['lost+found/**/*.tar', 'lost+found/a/x.tar', true],
  ])('with %s: %s is a tar: %s', (pattern, path, expected) => {
    const names = landingNames({ patterns: [pattern], temporary: ['**/.*'] });
    expect(names.isTar(path)).toBe(expected);
    if (!expected) return;
    const above = path.split('/').slice(0, -1);
    for (let deep = 1; deep <= above.length; deep += 1)
      expect(names.mayHoldTars(above.slice(0, deep).join('/'))).toBe(true);
  });

  test.each(['.~tmp~', 'a/.snapshot', 'a/@eaDir', 'lost+found'])(
    'holds no tars unless asked for: %s',
    (path) => {
      expect(landingNames(settings).mayHoldTars(path)).toBe(false);
    },
  );
});

test.each([
  ['a.tar', 'tar'],
  ['a.tar.done', 'marker'],
  ['A.TAR.done', 'marker'],
  ['a.txt.done', 'other'],
  ['a.tar.xz', 'other'],
  ['notes.txt', 'other'],
  ['a.tar.part', 'temporary'],
  ['a.tmp', 'temporary'],
  ['.a.tar.Xy12Zw', 'temporary'],
  ['.a.tar', 'temporary'],
  ['.DS_Store', 'service'],
  ['.bashrc', 'service'],
])('%s is a name of the kind "%s"', (path, expected) => {
  expect(landingNames({ ...settings, doneMarker: '.done' }).kindOf(path)).toBe(expected);
});
