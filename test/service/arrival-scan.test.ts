import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { tarMatcher } from '../../src/arrival/index.ts';
import { scan } from '../../src/arrival/scan.ts';
import { recordingDeps, SETTINGS, type Recorder } from './arrival-rig.ts';

let incoming: string;
let recorder: Recorder;
beforeEach(async () => {
  incoming = await mkdtemp(path.join(tmpdir(), 'arrival-scan-'));
  recorder = recordingDeps(incoming);
});
afterEach(() => rm(incoming, { recursive: true, force: true }));

async function scanned(directory = incoming): Promise<string[]> {
  const found: string[] = [];
  for await (const tar of scan(directory, tarMatcher(SETTINGS), recorder.deps.report))
    found.push(path.relative(directory, tar.path));
  return found.toSorted();
}

test('a scan finds every tar at every depth, and nothing else', async () => {
  const names = Array.from({ length: 70 }, (_, i) => `${i}.tar`);
  await mkdir(path.join(incoming, 'a/b/.c'), { recursive: true });
  await mkdir(path.join(incoming, 'directory.tar'));
  const tars = [...names, 'a/x.tar', 'a/b/.c/y.tar', 'directory.tar/z.tar'];
  for (const name of [...tars, 'a/b/notes.txt', 'a/.hidden.tar', 'a/x.tar.part'])
    await writeFile(path.join(incoming, name), '');

  expect(await scanned()).toEqual(tars.toSorted());
  expect(recorder.reported).toEqual([]);
});

test('what has a name that is not UTF-8 is reported, for it cannot be opened', async () => {
  const bytes = (name: string): Buffer => Buffer.from(`${incoming}/${name}`, 'latin1');
  await writeFile(bytes('caf\xe9.tar'), '');
  await mkdir(bytes('caf\xe9'));
  await writeFile(path.join(incoming, 'good.tar'), '');
  expect(await scanned()).toEqual(['good.tar']);
  expect(recorder.of('tar unreadable')).toMatchObject([{ tar: path.join(incoming, 'caf\uFFFD.tar') }]);
  expect(recorder.of('directory unreadable')).toMatchObject([
    { directory: path.join(incoming, 'caf\uFFFD') },
  ]);
});

test('a landing directory that is gone is reported', async () => {
  const gone = path.join(incoming, 'gone');
  expect(await scanned(gone)).toEqual([]);
  expect(recorder.of('directory unreadable')).toMatchObject([{ directory: gone, err: { code: 'ENOENT' } }]);
});

test.skipIf(process.getuid?.() === 0)(
  'a directory that cannot be read is reported and the rest is found',
  async () => {
    const locked = path.join(incoming, 'locked');
    await mkdir(locked);
    await writeFile(path.join(incoming, 'good.tar'), '');
    await chmod(locked, 0);
    try {
      expect(await scanned()).toEqual(['good.tar']);
    } finally {
      await chmod(locked, 0o700);
    }
    expect(recorder.of('directory unreadable')).toMatchObject([
      { directory: locked, err: { code: 'EACCES' } },
    ]);
  },
);
