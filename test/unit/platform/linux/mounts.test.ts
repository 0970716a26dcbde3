import { expect, test } from 'vitest';
import { parseMounts, realMount } from '../../../../src/platform/linux/mounts.ts';

const mounts = parseMounts(
  [
    '20 1 8:1 / / rw - ext4 /dev/sda1 rw',
    '30 20 8:17 / /srv rw shared:1 master:2 - ext4 /dev/sdb1 rw',
    '31 20 8:1 /var/lib/wavspool /var/lib/wavspool rw - ext4 /dev/sda1 rw',
    '32 31 8:1 /var/lib/wavspool/data /var/lib/wavspool/data rw - ext4 /dev/sda1 rw',
    '33 30 8:17 /incoming /srv/incoming rw - ext4 /dev/sdb1 rw',
    '34 20 8:1 /var/calls /mnt/calls rw - ext4 /dev/sda1 rw',
    '35 34 8:17 /calls /mnt/calls/new rw - ext4 /dev/sdb1 rw',
  ].join('\n'),
);

test.each([
  ['a disk', '30', '30'],
  ['a directory that is mounted onto itself', '31', '20'],
  ['one in another that is', '32', '20'],
  ['one on a disk', '33', '30'],
  ['another directory of the same disk', '34', '34'],
  ['another disk', '35', '35'],
])('%s: %s is really %s', (_, id, expected) => {
  const mount = mounts.find((one) => one.id === id);
  expect(mount && realMount(mounts, mount).id).toBe(expected);
});
