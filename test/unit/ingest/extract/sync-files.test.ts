import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { syncByProgram } from '../../../../src/platform/linux/sync-file-system.ts';
import { isSyncedAsAWhole, unsyncedFiles } from '../../../../src/ingest/extract/sync-files.ts';

const MIB = 1024 * 1024;
const never = new AbortController().signal;
const { PATH } = process.env;
let dir: string;

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'wavspool-sync-'));
});
afterEach(async () => {
  process.env['PATH'] = PATH;
  await rm(dir, { recursive: true });
});

/** Puts a `sync` before the system's that notes its calls and ends with `code`. */
async function fakeSync(code: number): Promise<() => Promise<readonly string[]>> {
  const calls = join(dir, 'calls');
  await writeFile(calls, '');
  await writeFile(join(dir, 'sync'), `#!/bin/sh\necho "$@" >> ${calls}\nexit ${code}\n`);
  await chmod(join(dir, 'sync'), 0o755);
  process.env['PATH'] = `${dir}:${PATH}`;
  return async () => (await readFile(calls, 'utf8')).split('\n').filter(Boolean);
}

async function written(count: number): Promise<readonly string[]> {
  const paths = Array.from({ length: count }, (_, i) => join(dir, `${i}.wav`));
  for (const path of paths) await writeFile(path, 'recording');
  return paths;
}

test('many files are synced by one call for their file system, few one by one', async () => {
  const calls = await fakeSync(0);
  const files = await unsyncedFiles(dir, syncByProgram, never);
  for (const path of await written(16)) await files.add(path, 9);
  await files.sync();
  expect(await calls()).toEqual([]);
  for (const path of await written(17)) await files.add(path, 9);
  await files.sync();
  expect(await calls()).toEqual([`-f ${dir}`]);
  await files.sync();
  expect(await calls()).toHaveLength(1); // nothing is left
});

test('what is large together is synced before the end', async () => {
  const calls = await fakeSync(0);
  const files = await unsyncedFiles(dir, syncByProgram, never);
  const paths = await written(300);
  for (const path of paths.slice(0, 256)) await files.add(path, MIB - 1);
  expect(await calls()).toEqual([]);
  for (const path of paths.slice(256)) await files.add(path, MIB - 1);
  expect(await calls()).toEqual([`-f ${dir}`]);
});

test('a large file is synced by itself and at once, and one that cannot be fails what comes after it', async () => {
  const calls = await fakeSync(0);
  const files = await unsyncedFiles(dir, syncByProgram, never);
  for (const path of await written(20)) await files.add(path, MIB);
  await files.sync();
  expect(await calls()).toEqual([]);

  const gone = { code: 'ENOENT', path: join(dir, 'gone.wav') };
  await files.add(gone.path, MIB);
  await expect(files.sync()).rejects.toMatchObject(gone);
  await files.add(gone.path, MIB);
  const others = (await written(4)).map((path) => () => files.add(path, MIB));
  await expect(others.reduce((before, add) => before.then(add), Promise.resolve())).rejects.toMatchObject(
    gone,
  );
});

test('where sync fails each file is synced by itself, and the one at fault is named', async () => {
  const calls = await fakeSync(1);
  const files = await unsyncedFiles(dir, syncByProgram, never);
  const paths = await written(20);
  for (const path of paths) await files.add(path, 9);
  await files.sync();
  expect(await calls()).toHaveLength(1);

  for (const path of paths) await files.add(path, 9);
  await rm(join(dir, '18.wav'));
  await expect(files.sync()).rejects.toMatchObject({ code: 'ENOENT', path: join(dir, '18.wav') });
});

test('a host without sync is told what to install', async () => {
  const files = await unsyncedFiles(dir, syncByProgram, never);
  for (const path of await written(17)) await files.add(path, 9);
  process.env['PATH'] = dir;
  await expect(files.sync()).rejects.toMatchObject({ code: 'PROGRAM_MISSING' });
});

test('only file systems of this host are synced as a whole', () => {
  const types = { ext4: 0xef53, xfs: 0x5846_5342, nfs: 0x6969, fuse: 0x6573_5546, smb: 0xff53_4d42 };
  const together = Object.entries(types).filter(([, type]) => isSyncedAsAWhole(type));
  expect(together.map(([name]) => name)).toEqual(['ext4', 'xfs']);
});
