import { describe, expect, test } from 'vitest';
import { judgeRsync, lacksAttributes, rsyncArguments } from '../../../../src/maintenance/mirror/rsync.ts';

const job = { linkTo: {}, checksum: false, exclude: [], leftOut: [] };
const places = { source: '/srv/audio', target: '/backup/.wavspool-x/tree' };
const ended = (code: number | null, stderr = ''): { code: number | null; signal: null; stderr: string } => ({
  code,
  signal: null,
  stderr,
});

describe('the command line', () => {
  test('gives descriptors instead of paths, the contents of the source, and the mirror to link to', () => {
    const args = rsyncArguments(job, { attributes: true });
    expect(args).toContain('--link-dest=/proc/self/fd/5');
    expect(args.slice(-3)).toEqual(['--', '/proc/self/fd/3/', '/proc/self/fd/4/']);
    expect(args).toEqual(expect.arrayContaining(['--sparse', '--acls', '--xattrs', '--hard-links']));
    expect(args).not.toContain('--checksum');
    const first = rsyncArguments({ ...job, linkTo: undefined, checksum: true }, { attributes: false });
    expect(first).toContain('--checksum');
    expect(first.join(' ')).not.toMatch(/--link-dest|--acls|--xattrs/);
  });

  test.each(['.env', '!', '+ /x', '/cache/', '*.tmp'])(
    'the pattern %j is a rule that excludes, whatever it looks like',
    (pattern) => {
      expect(rsyncArguments({ ...job, exclude: [pattern] }, { attributes: true })).toContain(
        `--filter=- ${pattern}`,
      );
    },
  );

  test.each([
    ['app.db', '--filter=- /app.db'],
    ['a b/-x.db', '--filter=- /a b/-x.db'],
    [String.raw`a\b.db`, String.raw`--filter=- /a\b.db`],
    [String.raw`a\b[1]*?.db`, String.raw`--filter=- /a\\b\[1]\*\?.db`],
  ])('%s is left out by %s', (path, argument) => {
    expect(rsyncArguments({ ...job, leftOut: [path] }, { attributes: true })).toContain(argument);
  });
});

describe('how rsync ended', () => {
  test('0 is a success, and 24 is one with a note', () => {
    expect(judgeRsync(ended(0), places)).toEqual({ notes: [], tooLong: [] });
    const vanished =
      'file has vanished: "/proc/self/fd/3/a"\nrsync warning: some files vanished before they could be transferred';
    expect(judgeRsync(ended(24, vanished), places)).toEqual({
      notes: ['files vanished while they were copied: file has vanished: "/srv/audio/a"'],
      tooLong: [],
    });
  });

  test('paths that are too long do not end it, each is told; another fault beside them does', () => {
    const long = [
      `filename overflows max-path len by 188: d/${'x'.repeat(4000)}`,
      'rsync: [generator] recv_generator: mkdir "/proc/self/fd/4/y" failed: File name too long (36)',
    ];
    const last =
      'rsync error: some files/attrs were not transferred (see previous errors) (code 23) at main.c(1394)';
    const { notes, tooLong } = judgeRsync(
      ended(23, [...long, 'file has vanished: "/proc/self/fd/3/a"', last].join('\n')),
      places,
    );
    expect(notes).toHaveLength(1);
    expect(tooLong).toEqual([
      `${long[0]?.slice(0, 300)}…`,
      'rsync: [generator] recv_generator: mkdir "/backup/.wavspool-x/tree/y" failed: File name too long (36)',
    ]);
    for (const other of [
      'rsync: [sender] send_files failed to open "/proc/self/fd/3/x: File name too long (36)": Permission denied (13)',
      'rsync: [receiver] read errors mapping "/x": Input/output error (5)',
    ])
      expect(() => judgeRsync(ended(23, [...long, other, last].join('\n')), places)).toThrow('ended with 23');
    expect(() => judgeRsync(ended(23, last), places)).toThrow('ended with 23');
    // of so much only the end was kept: what is missing may have said anything
    expect(() => judgeRsync(ended(23, `${long[1]}\n`.repeat(60_000)), places)).toThrow('ended with 23');
  });

  test.each([
    [
      23,
      'rsync: [receiver] rsync_xal_set: lsetxattr("/x","user.a") failed: Operation not supported (95)',
      true,
    ],
    [
      23,
      'rsync: [receiver] set_acl: sys_acl_set_file(/x, ACL_TYPE_ACCESS): Operation not supported (95)',
      true,
    ],
    [4, 'rsync: ACLs are not supported on this client', true],
    [
      23,
      'rsync: [receiver] rsync_xal_set: lsetxattr("/x","user.a") failed: No space left on device (28)',
      false,
    ],
    [23, 'rsync: [sender] send_files failed to open "/xattr": Permission denied (13)', false],
    [0, '', false],
  ])('%j with %j lacks attributes: %j', (code, stderr, lacks) => {
    expect(lacksAttributes({ code, stderr })).toBe(lacks);
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
    expect(() => judgeRsync(ended(code, stderr), places)).toThrow(expect.objectContaining({ code: fault }));
    expect(() => judgeRsync(ended(code, stderr), places)).toThrow(message);
  });
});
