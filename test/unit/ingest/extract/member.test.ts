import { describe, expect, test } from 'vitest';
import { judgeMember, shownName } from '../../../../src/ingest/extract/member.ts';

const file = (name: string) => judgeMember({ name, kind: 'file' });

describe('a recording is taken under its normalised path', () => {
  test.each([
    ['a.wav', 'a.wav'],
    ['A.WAV', 'A.WAV'],
    ['./a//b.wav', 'a/b.wav'],
    ['a/./b/.wav', 'a/b/.wav'],
    ['x..y/..z.wav', 'x..y/..z.wav'],
    ['Größe/日本 ☎.wAv', 'Größe/日本 ☎.wAv'],
    ['%FF.wav', '%FF.wav'],
    ['12:30.wav', '12:30.wav'],
    ['/var/a.wav', 'var/a.wav'],
    ['//a.wav', 'a.wav'],
    ['C:/a.wav', 'C:/a.wav'],
    ['q:1001.wav', 'q:1001.wav'],
    ['.receipts2/a.wav', '.receipts2/a.wav'],
    ['.hidden/a.wav', '.hidden/a.wav'],
    [`${'d/'.repeat(31)}a.wav`, `${'d/'.repeat(31)}a.wav`],
    [`${'é'.repeat(125)}x.wav`, `${'é'.repeat(125)}x.wav`],
  ])('%j', (name, path) => {
    expect(file(name)).toEqual({ kind: 'take', path, mustBeWav: false });
  });
});

describe('P8: what calls itself a recording and could do harm is refused', () => {
  test.each([
    ['../a.wav', '".."'],
    ['a/../../b.wav', '".."'],
    ['a/..//b.wav', '".."'],
    ['a\0.wav', 'control'],
    ['a\nb.wav', 'control'],
    ['a\u0085b.wav', 'control'],
    ['/../a.wav', '".."'],
    ['.receipts/a.wav', 'keeps for itself'],
    ['d/.altered/a.wav', 'keeps for itself'],
    [`${'d/'.repeat(32)}a.wav`, 'deeper than 32'],
    [`${'é'.repeat(126)}.wav`, 'longer than 255'],
    [`${`${'d'.repeat(200)}/`.repeat(15)}a.wav`, 'longer than 3000'],
    [`${'./'.repeat(1500)}a.wav`, 'longer than 3000'],
    ['a.wav/', 'ends in a slash'],
    ['.wavspool-x.wav', 'keeps for itself'],
    ['.wavspool-x/a.wav', 'keeps for itself'],
  ])('%j', (name, reason) => {
    expect(file(name)).toEqual({ kind: 'refuse', reason: expect.stringContaining(reason) });
  });

  test.each(['symlink', 'continued', 'device', 'fifo', 'sparse', 'other'] as const)('a %s', (kind) => {
    expect(judgeMember({ name: 'a.wav', kind }).kind).toBe('refuse');
  });
});

describe('links', () => {
  test('a hard link is what stands under its target', () => {
    const judgement = judgeMember({ name: './a.wav', kind: 'hardlink', target: '/q//b.wav' });
    expect(judgement).toEqual({ kind: 'link', path: 'a.wav', target: 'q/b.wav' });
  });

  test.each(['hardlink', 'symlink'] as const)('a %s to itself is skipped', (kind) => {
    expect(judgeMember({ name: 'd/a.wav', kind, target: './d/a.wav' }).kind).toBe('skip');
  });

  test('a hard link of a bad name is refused', () => {
    expect(judgeMember({ name: '../a.wav', kind: 'hardlink', target: 'b.wav' }).kind).toBe('refuse');
  });
});

test.each(['._a.wav', 'd/._a.wav', '__MACOSX/a.wav', 'x/__MACOSX/d/a.wav'])('%j must be a WAV', (name) => {
  expect(file(name)).toMatchObject({ kind: 'take', mustBeWav: true });
});

describe('everything else is skipped, however hostile', () => {
  test.each(['a.mp3', 'wav', 'awav', 'a.wav.txt', 'a.wav/b', '/etc/passwd', '../x', '', 'a.wav\n'])(
    '%j',
    (name) => {
      expect(file(name).kind).toBe('skip');
    },
  );

  test('a directory, even one that is named like a recording', () => {
    expect(judgeMember({ name: 'a.wav', kind: 'directory' }).kind).toBe('skip');
  });

  test('a link that is not named like a recording', () => {
    expect(judgeMember({ name: 'a.txt', kind: 'symlink' }).kind).toBe('skip');
  });
});

test.each(['a\\..\\b.wav', '..\\b.wav', 'a.wav\0', 'a.wav\0.txt', 'a.wav/', 'a.wav/./', 'a.WAV//.'])(
  '%j is refused, not passed over',
  (name) => {
    expect(judgeMember({ name, kind: 'file' }).kind).toBe('refuse');
  },
);

describe('a name in rows and logs', () => {
  test('is the whole of it, as long as a recording may have it', () => {
    const name = `${'é'.repeat(1498)}.wav`;
    expect(Buffer.byteLength(name)).toBe(3000);
    expect(shownName(name)).toBe(name);
  });

  test('is cut beyond that, and stays distinct', () => {
    const names = ['1.wav', '2.wav'].map((end) => shownName(`${'😀'.repeat(16_000)}${end}`));
    for (const name of names) expect(Buffer.byteLength(name)).toBeLessThan(1000);
    for (const name of names) expect(name).toContain('(64005 bytes, SHA-256 ');
    expect(names[0]).not.toBe(names[1]);
  });
});
