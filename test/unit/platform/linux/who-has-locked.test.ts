import { expect, test } from 'vitest';
import { othersAmong } from '../../../../src/platform/linux/who-has-locked.ts';

const own = '1: POSIX  ADVISORY  READ 4711 fe:00:77 1073741826 1073742335';

test.each<[string, readonly string[], boolean | undefined]>([
  ['it cannot be told without a lock of our own', ['1: POSIX  ADVISORY  READ 9 fe:00:77 0 EOF'], undefined],
  ['there are no locks at all', [], undefined],
  ['only we hold it', [own, own.replace('1:', '2:')], false],
  ['another process holds it', [own, '2: POSIX  ADVISORY  READ 9 fe:00:77 1073741826 1073742335'], true],
  ['another process waits for it', [own, '1: -> POSIX  ADVISORY  WRITE 9 fe:00:77 1 1'], true],
  [
    'the same inode on another disk is another file',
    [own, '2: POSIX  ADVISORY  READ 9 fe:01:77 0 EOF'],
    false,
  ],
  ['another inode is another file', [own, '2: POSIX  ADVISORY  READ 9 fe:00:770 0 EOF'], false],
  [
    'a lease and a lock without an owner count too',
    [own, '3: OFDLCK ADVISORY  READ -1 fe:00:77 0 EOF'],
    true,
  ],
])('%s', (_, lines, expected) => {
  expect(othersAmong(`${lines.join('\n')}\n`, 77n, 4711)).toBe(expected);
});
