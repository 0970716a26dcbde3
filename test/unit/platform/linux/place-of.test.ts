import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { notePlace, noteOf, requirePlace, whyAway } from '../../../../src/platform/linux/known-places.ts';
import { hasMoved, placeOf, type Place } from '../../../../src/platform/linux/place-of.ts';

const root = mkdtempSync(join(tmpdir(), 'wavspool-place-'));
afterAll(() => rmSync(root, { recursive: true }));

const place = (point: string, source: string, inside: string, type = 'ext4'): Place => ({
  point,
  type,
  source,
  inside,
});
const ON_DISK = place('/srv/calls', '/dev/sdb1', '/extracted');

test.each<[string, Place, Place, string]>([
  ['nothing has changed', ON_DISK, ON_DISK, 'no'],
  ['another disk is mounted there', ON_DISK, place('/srv/calls', '/dev/sdc1', '/extracted'), 'no'],
  ['its disk is not mounted', ON_DISK, place('/', '/dev/sda1', '/srv/calls/extracted'), 'gone'],
  ['nor is what that was mounted in', ON_DISK, place('/srv', '/dev/sdd1', '/calls/extracted'), 'gone'],
  ['a disk was mounted over it', place('/', '/dev/sda1', '/srv/calls/extracted'), ON_DISK, 'other'],
  ['a link leads elsewhere', ON_DISK, place('/mnt', '/dev/sdb2', '/extracted'), 'other'],
  [
    // ReadWritePaths= of a systemd unit
    'it was seen through a mount of its own of the same disk',
    place('/srv/calls/extracted', '/dev/sda1', '/srv/calls/extracted'),
    place('/', '/dev/sda1', '/srv/calls/extracted'),
    'no',
  ],
  [
    'what another directory of the same disk was mounted on is empty',
    place('/srv/calls', '/dev/sda1', '/data/calls'),
    place('/', '/dev/sda1', '/srv/calls'),
    'gone',
  ],
])('%s', (_, known, found, expected) => {
  expect(hasMoved(known, found)).toBe(expected);
});

test('a directory that is not there lies where it would be made', () => {
  const there = placeOf(root);
  expect(placeOf(join(root, 'not', 'yet'))).toEqual({
    ...there,
    inside: join(there?.inside ?? '', 'not/yet'),
  });
});

test('of a directory without a note nothing is said, and of one that lies where it lay neither', async () => {
  const directory = join(root, 'extracted');
  expect(whyAway(directory, root)).toBe(undefined);
  await notePlace(directory, root);
  await notePlace(directory, root);
  expect(whyAway(directory, root)).toBe(undefined);
  requirePlace(directory, root);
});

test('one whose file system is not mounted is away, by name, with the remedy', async () => {
  const directory = join(root, 'other');
  await notePlace(directory, root);
  const note = noteOf(directory, root);
  writeFileSync(
    note,
    JSON.stringify({ path: directory, point: directory, type: 'nfs4', source: 'nas:/calls', inside: '/' }),
  );
  expect(whyAway(directory, root)).toBe(
    `${directory} is away: it lay on the file system at ${directory} (nfs4 nas:/calls), which is not mounted (mount it; if it is not to come back, remove ${note})`,
  );
  expect(() => requirePlace(directory, root)).toThrow(expect.objectContaining({ code: 'HOST_FAILING' }));
});

test('a spoilt note says nothing and is replaced', async () => {
  const directory = join(root, 'spoilt');
  await notePlace(directory, root);
  writeFileSync(noteOf(directory, root), '{');
  expect(whyAway(directory, root)).toBe(undefined);
  await notePlace(directory, root);
});
