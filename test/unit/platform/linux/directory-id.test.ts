import { execFile } from 'node:child_process';
import { chmod, chown, mkdir, mkdtemp, readdir, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { DIRECTORY_ID, ensureDirectoryId, readDirectoryId } from '../../../../src/platform/linux/index.ts';

const run = promisify(execFile);
const MODULE = join(import.meta.dirname, '../../../../src/platform/linux/directory-id.ts');
const ID = '3d2c9f63-63c5-4a2e-9a6f-0d4b3a5e7c11';
let directory: string;
let file: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'wavspool-id-'));
  file = join(directory, DIRECTORY_ID);
});
afterEach(() => rm(directory, { recursive: true }));

test('a directory keeps the id that it got first, whichever user asks', async () => {
  expect(await readDirectoryId(directory)).toBeUndefined();
  const ids = await Promise.all(Array.from({ length: 8 }, () => ensureDirectoryId(directory)));
  expect(new Set(ids).size).toBe(1);
  expect(await ensureDirectoryId(directory, ID)).toBe(ids[0]);
  expect(await readDirectoryId(directory)).toBe(ids[0]);
  expect(await readdir(directory)).toEqual([DIRECTORY_ID]);
  expect((await stat(file)).mode % 0o1000).toBe(0o644);
});

test('processes that make one at once all get the same', async () => {
  const directories = Array.from({ length: 300 }, (_, i) => join(directory, String(i)));
  await Promise.all(directories.map((one) => mkdir(one)));
  const program = `
    import { ensureDirectoryId } from ${JSON.stringify(MODULE)};
    const ids = [];
    for (const directory of ${JSON.stringify(directories)}) ids.push(await ensureDirectoryId(directory));
    console.log(JSON.stringify(ids));`;
  const said = await Promise.all(
    Array.from({ length: 3 }, () => run(process.execPath, ['--input-type=module', '-e', program])),
  );
  const [first, ...others] = said.map(({ stdout }) => JSON.parse(stdout) as string[]);
  for (const ids of others) expect(ids).toEqual(first);
});

test('one that is gone is put back as it was', async () => {
  expect(await ensureDirectoryId(directory, ID)).toBe(ID);
  await rm(file);
  expect(await ensureDirectoryId(directory, ID)).toBe(ID);
});

test('a directory that is not there has none, and is not made', async () => {
  const gone = join(directory, 'gone');
  expect(await ensureDirectoryId(gone)).toBeUndefined();
  expect(await readdir(directory)).toEqual([]);
});

describe('P13: what another user has put there is no id', () => {
  const asAnother = { skip: process.geteuid?.() !== 0 };

  test('a file of his', asAnother, async () => {
    await writeFile(file, `${ID}\n`, { mode: 0o644 });
    await chown(file, 65_534, 65_534);
    expect(await readDirectoryId(directory)).toBeUndefined();
    expect(await ensureDirectoryId(directory)).not.toBe(ID);
  });

  test('a file that he may write', async () => {
    await writeFile(file, `${ID}\n`);
    await chmod(file, 0o666);
    expect(await readDirectoryId(directory)).toBeUndefined();
  });

  test('a link, to a file of ours too', async () => {
    const ours = join(directory, 'ours');
    await writeFile(ours, `${ID}\n`, { mode: 0o644 });
    await symlink(ours, file);
    expect(await readDirectoryId(directory)).toBeUndefined();
    expect(await ensureDirectoryId(directory)).not.toBe(ID);
    expect((await stat(ours)).isFile()).toBe(true);
  });

  test('a directory of that name: it is said, and left', async () => {
    await mkdir(file);
    expect(await readDirectoryId(directory)).toBeUndefined();
    await expect(ensureDirectoryId(directory)).rejects.toThrow(/EISDIR|EPERM/);
  });

  test('text that is no id', async () => {
    await writeFile(file, 'x'.repeat(40), { mode: 0o644 });
    expect(await readDirectoryId(directory)).toBeUndefined();
  });
});
