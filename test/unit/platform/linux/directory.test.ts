import {
  chmod,
  chown,
  lchown,
  mkdir,
  mkdtemp,
  readFile,
  rename,
  rm,
  stat,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { at, mayBeChangedByOthers, openBelow, openDirectory } from '../../../../src/platform/linux/index.ts';

const isRoot = process.geteuid?.() === 0;
const NOBODY = 65_534;

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'wavspool-directory-'));
  await mkdir(join(root, 'own/below'), { recursive: true });
  await writeFile(join(root, 'own/below/file'), 'content');
});
afterEach(() => rm(root, { recursive: true, force: true }));

test('an open directory stays the same one whatever its path comes to name', async () => {
  await using directory = await openDirectory(join(root, 'own/below'));
  await rename(join(root, 'own'), join(root, 'moved'));
  await mkdir(join(root, 'own/below'), { recursive: true });
  await writeFile(join(root, 'own/below/file'), 'another');
  expect(await readFile(at(directory, 'file'), 'utf8')).toBe('content');
  await writeFile(at(directory, 'new'), '');
  expect(await stat(join(root, 'moved/below/new'))).toBeDefined();
});

test('links of root and of this user are followed: absolute, relative, to a parent, to themselves', async () => {
  await symlink(join(root, 'own/below'), join(root, 'absolute'));
  await symlink('own/../own/below', join(root, 'relative'));
  await symlink('.', join(root, 'own/below/here'));
  await symlink('loop', join(root, 'loop'));
  for (const path of ['absolute', 'relative', 'own/below/here', 'relative/here/here']) {
    await using directory = await openDirectory(join(root, path));
    expect(await readFile(at(directory, 'file'), 'utf8')).toBe('content');
  }
  await expect(openDirectory(join(root, 'loop'))).rejects.toMatchObject({ code: 'PATH_UNSAFE' });
});

test('no name leads out of a directory', async () => {
  await using directory = await openDirectory(root);
  for (const name of ['..', '.', '', 'own/below', '/etc'])
    expect(() => at(directory, name)).toThrow(RangeError);
  await symlink('own', join(root, 'link'));
  await expect(openBelow(directory, 'link')).rejects.toMatchObject({ code: 'ENOTDIR' });
  await using below = await openBelow(directory, 'own');
  expect(below.path).toBe(join(root, 'own'));
});

test('missing directories are made where that is asked for, and nothing is made otherwise', async () => {
  await expect(openDirectory(join(root, 'a/b'))).rejects.toMatchObject({ code: 'ENOENT' });
  await using directory = await openDirectory(join(root, 'a/b'), { makeMode: 0o710 });
  expect((await directory.handle.stat()).mode & 0o7777).toBe(0o710);
  await expect(openDirectory(join(root, 'own/below/file'))).rejects.toMatchObject({ code: 'ENOTDIR' });
});

test.runIf(isRoot)(
  'a link in a directory of another user is not followed, neither is one of that user in /tmp',
  async () => {
    await symlink(root, join(root, 'own/link'));
    await openDirectory(join(root, 'own/link')).then((directory) => directory.handle.close());
    await chown(join(root, 'own'), NOBODY, 0);
    await expect(openDirectory(join(root, 'own/link/own'))).rejects.toMatchObject({ code: 'PATH_UNSAFE' });

    await mkdir(join(root, 'tmp'));
    await chmod(join(root, 'tmp'), 0o1777);
    await symlink(root, join(root, 'tmp/ours'));
    await symlink(root, join(root, 'tmp/his'));
    await lchown(join(root, 'tmp/his'), NOBODY, 0);
    await openDirectory(join(root, 'tmp/ours')).then((directory) => directory.handle.close());
    await expect(openDirectory(join(root, 'tmp/his'))).rejects.toMatchObject({ code: 'PATH_UNSAFE' });
  },
);

test.each([
  [{ uid: 0, gid: 0, mode: 0o755 }, false],
  [{ uid: 0, gid: 0, mode: 0o775 }, false],
  [{ uid: 0, gid: 12_345, mode: 0o775 }, true],
  [{ uid: 0, gid: 12_345, mode: 0o1775 }, false],
  [{ uid: 0, gid: 0, mode: 0o777 }, true],
  [{ uid: 0, gid: 0, mode: 0o1777 }, false],
  [{ uid: 54_321, gid: 0, mode: 0o1755 }, true],
])('%o may be changed by others: %s', (stats, expected) => {
  expect(mayBeChangedByOthers(stats)).toBe(expected);
});
