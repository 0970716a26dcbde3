import { expect, test } from 'vitest';
import { parseMounts } from '../../../../src/platform/linux/mounts.ts';
import { candidates } from '../../../../src/platform/linux/seen-below.ts';

const mounts = parseMounts(
  [
    '20 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw',
    String.raw`30 20 8:1 /var/back\040ups /srv/app/view\134of\011it rw shared:1 - ext4 /dev/sda1 rw`,
    '31 20 8:1 /var/back%20ups/2026-11-20 /srv/app/part rw - ext4 /dev/sda1 rw',
    '32 20 8:17 / /srv/app/disk rw - ext4 /dev/sdb1 rw',
    '33 20 8:1 /srv/app /mnt/app rw - ext4 /dev/sda1 rw',
    '',
  ].join('\n'),
);

test('mountinfo is read with what it escapes', () => {
  expect(mounts).toHaveLength(5);
  expect(mounts[1]).toEqual({
    id: '30',
    parent: '20',
    device: '8:1',
    root: '/var/back ups',
    point: '/srv/app/view\\of\tit',
    type: 'ext4',
    source: '/dev/sda1',
  });
});

test.each([
  // by its own path
  ['/srv/app', '20', '/srv/app/mirrors', '20', ['/srv/app/mirrors']],
  // a bind mount of it, or of what holds it
  ['/srv/app', '20', '/var/back ups', '20', ['/srv/app/view\\of\tit']],
  ['/srv/app', '20', '/var/back ups/box', '20', ['/srv/app/view\\of\tit/box']],
  // a bind mount of a part of it
  ['/srv/app', '20', '/var/back%20ups', '20', ['/srv/app/part']],
  // a disk of its own in the source, and another one elsewhere
  ['/srv/app', '20', '/srv/app/disk/mirrors', '32', ['/srv/app/disk/mirrors']],
  ['/srv/other', '20', '/srv/app/disk/mirrors', '32', []],
  // the source itself was reached through one
  ['/mnt/app', '33', '/srv/app/mirrors', '20', ['/mnt/app/mirrors']],
  ['/srv/app', '20', '/srv/application', '20', []],
])('in %s (%s), %s (%s) may be seen at %j', (path, mount, target, targetMount, expected) => {
  const found = candidates(mounts, { path, mount }, { path: target, mount: targetMount });
  expect(found.map(({ shown }) => shown)).toEqual(expected);
});
