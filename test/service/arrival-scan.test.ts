import { chmod, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { landingNames } from '../../src/ingest/arrival/matcher.ts';
import type { Untaken } from '../../src/ingest/arrival/untaken.ts';
import { scan } from '../../src/ingest/arrival/scan.ts';
import { asNobody } from '../support/as-nobody.ts';
import { SETTINGS } from './arrival-rig.ts';

let incoming: string;
let untaken: Untaken[];
beforeEach(async () => {
  incoming = await mkdtemp(path.join(tmpdir(), 'arrival-scan-'));
  untaken = [];
});
afterEach(() => rm(incoming, { recursive: true, force: true }));

async function scanned(directory = incoming): Promise<string[]> {
  const found: string[] = [];
  const names = landingNames({ ...SETTINGS, doneMarker: '.done' });
  for await (const tar of scan(directory, names, { untaken: (one) => untaken.push(one), patienceMs: 1000 }))
    found.push(path.relative(directory, tar.path));
  return found.toSorted();
}

/** What was told, as a table of reasons. */
const told = (): Record<string, string> =>
  Object.fromEntries(untaken.map((one) => [path.relative(incoming, one.path), one.reason]));

test('a scan finds every tar at every depth, and nothing else', async () => {
  const names = Array.from({ length: 70 }, (_, i) => `${i}.tar`);
  await mkdir(path.join(incoming, 'a/b\nb'), { recursive: true });
  await mkdir(path.join(incoming, 'directory.tar'));
  const tars = [...names, 'a/x.tar', 'a/b\nb/Y.TAR', 'directory.tar/z.tar'];
  for (const name of [...tars, 'a/notes.txt', 'a/x.tar.xz', 'a/.hidden.tar', 'a/x.tar.part', 'a/x.tar.done'])
    await writeFile(path.join(incoming, name), '12345');
  await writeFile(path.join(incoming, 'a/.DS_Store'), '');
  await symlink('x.tar', path.join(incoming, 'a/link.tar'));

  expect(await scanned()).toEqual(tars.toSorted());
  expect(told()).toEqual({
    'a/notes.txt': 'no pattern',
    'a/x.tar.xz': 'no pattern',
    'a/.hidden.tar': 'waiting',
    'a/x.tar.part': 'waiting',
    'a/link.tar': 'unreadable',
  });
  expect(untaken.find((one) => one.path.endsWith('.xz'))).toMatchObject({ bytes: 5, patienceMs: 0 });
  expect(untaken.find((one) => one.path.endsWith('.part'))).toMatchObject({ bytes: 5, patienceMs: 1000 });
});

test('nothing below a directory that hides or that a system keeps is found, but what a killed rsync left in one is told', async () => {
  for (const directory of [
    '.~tmp~',
    'a/.rsync-partial',
    '.snapshot/hourly',
    '@eaDir',
    'lost+found',
    '.cache',
  ]) {
    await mkdir(path.join(incoming, directory), { recursive: true });
    await writeFile(path.join(incoming, directory, 'x.tar'), '12345');
  }
  await writeFile(path.join(incoming, '.~tmp~', 'notes'), '');
  await rm(path.join(incoming, '.cache/x.tar'));
  expect(await scanned()).toEqual([]);
  expect(told()).toEqual({
    '.~tmp~': 'waiting',
    'a/.rsync-partial': 'waiting',
    '@eaDir': 'waiting',
    'lost+found': 'waiting',
  });
  expect(untaken[0]).toMatchObject({ bytes: 5, patienceMs: 1000 });
});

test('what has a name that is not UTF-8 is told once, by its bytes; the sign for such bytes may be in a name', async () => {
  const bytes = (name: string): Buffer => Buffer.from(`${incoming}/${name}`, 'latin1');
  await writeFile(bytes('caf\xe9.tar'), '123');
  await writeFile(bytes('caf\xe8.tar'), '');
  await mkdir(bytes('caf\xe9'));
  await writeFile(path.join(incoming, 'good.tar'), '');
  await writeFile(path.join(incoming, 'sign\uFFFD.tar'), '');
  expect(await scanned()).toEqual(['good.tar', 'sign\uFFFD.tar']);
  expect(told()).toEqual({
    'caf%E9.tar': 'name not UTF-8',
    'caf%E8.tar': 'name not UTF-8',
    'caf%E9': 'name not UTF-8',
  });
  expect(untaken.find((one) => one.path.endsWith('%E9.tar'))?.bytes).toBe(3);
});

test('a landing directory that is gone is told', async () => {
  const gone = path.join(incoming, 'gone');
  expect(await scanned(gone)).toEqual([]);
  expect(untaken).toMatchObject([
    { path: gone, reason: 'unreadable', detail: expect.stringContaining('ENOENT') },
  ]);
});

test('a directory that cannot be read is told and the rest is found', async () => {
  const locked = path.join(incoming, 'locked');
  await mkdir(locked);
  await chmod(incoming, 0o755);
  await writeFile(path.join(incoming, 'good.tar'), '');
  await chmod(locked, 0);
  try {
    expect(await asNobody(() => scanned())).toEqual(['good.tar']);
  } finally {
    await chmod(locked, 0o700);
  }
  expect(untaken).toMatchObject([
    { path: locked, reason: 'unreadable', detail: expect.stringContaining('EACCES') },
  ]);
});
