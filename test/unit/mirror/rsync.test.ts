import { describe, expect, test } from 'vitest';
import { isBelow, judgeRsync, rsyncArguments, type RsyncJob } from '../../../src/mirror/rsync.ts';

const job: RsyncJob = {
  source: '/srv/audio',
  target: '/backup/.wavspool-x/files',
  linkTo: '/backup/2026-11-19/files',
  checksum: false,
  leftOut: [],
};
const ended = (code: number | null, stderr = ''): { code: number | null; signal: null; stderr: string } => ({
  code,
  signal: null,
  stderr,
});

describe('the command line', () => {
  test('gives absolute paths, the contents of the source, and the mirror to link to', () => {
    const args = rsyncArguments(job);
    expect(args).toContain('--link-dest=/backup/2026-11-19/files');
    expect(args.slice(-3)).toEqual(['--', '/srv/audio/', '/backup/.wavspool-x/files/']);
    expect(args).not.toContain('--checksum');
    expect(rsyncArguments({ ...job, linkTo: undefined, checksum: true })).toContain('--checksum');
    expect(rsyncArguments({ ...job, linkTo: undefined }).join(' ')).not.toContain('--link-dest');
  });

  test.each([
    ['/srv/audio/app.db', '--exclude=/app.db'],
    ['/srv/audio/a b/-x.db', '--exclude=/a b/-x.db'],
    [String.raw`/srv/audio/a\b.db`, String.raw`--exclude=/a\b.db`],
    [String.raw`/srv/audio/a\b[1]*?.db`, String.raw`--exclude=/a\\b\[1]\*\?.db`],
  ])('%s is left out by %s', (path, argument) => {
    expect(rsyncArguments({ ...job, leftOut: [path] })).toContain(argument);
  });
});

describe('how rsync ended', () => {
  test('0 is a success, and 24 is one with a note', () => {
    expect(judgeRsync(ended(0), job)).toEqual([]);
    const vanished = 'file has vanished: "/srv/audio/a"\nrsync warning: some files vanished';
    expect(judgeRsync(ended(24, vanished), job)).toEqual([
      'files vanished while they were copied: file has vanished: "/srv/audio/a"; rsync warning: some files vanished',
    ]);
  });

  test.each([
    [
      23,
      'rsync: opendir "/srv/audio/x" failed: Permission denied (13)',
      'MIRROR_FAILED',
      'ended with 23: rsync: opendir "/srv/audio/x"',
    ],
    [12, '', 'MIRROR_FAILED', 'ended with 12: it says nothing'],
    [null, '', 'MIRROR_FAILED', 'was ended by a signal'],
    [
      11,
      'write failed on "…": No space left on device (28)',
      'DISK_FULL',
      'no room for a mirror of /srv/audio',
    ],
    [23, 'a\nb\nc\nd\ne', 'MIRROR_FAILED', 'a; b; c; and 2 lines more'],
  ])('%j with %j is %s', (code, stderr, fault, message) => {
    expect(() => judgeRsync(ended(code, stderr), job)).toThrow(expect.objectContaining({ code: fault }));
    expect(() => judgeRsync(ended(code, stderr), job)).toThrow(message);
  });
});

test('below is below, not beside', () => {
  expect(isBelow('/a', '/a/b.db')).toBe(true);
  expect(isBelow('/a', '/a/..b/c')).toBe(true);
  expect(isBelow('/a', '/ab/c')).toBe(false);
  expect(isBelow('/a', '/a')).toBe(false);
  expect(isBelow('/a/b', '/a')).toBe(false);
});
