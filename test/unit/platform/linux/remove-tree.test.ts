import { execFileSync } from 'node:child_process';
import { chmod, mkdir, mkdtemp, readdir, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { removeTree } from '../../../../src/platform/linux/index.ts';

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'wavspool-remove-'));
});
afterEach(() => rm(root, { recursive: true, force: true }));

const isRoot = process.geteuid?.() === 0;

test('a file, a link and nothing at all are removed, and what the link names stays', async () => {
  await writeFile(join(root, 'kept'), 'kept');
  await writeFile(join(root, 'file'), '');
  await symlink('kept', join(root, 'link'));
  for (const name of ['file', 'link', 'nothing']) await removeTree(join(root, name));
  expect(await readdir(root)).toEqual(['kept']);
});

test('any tree is removed, whatever its links name', async () => {
  const tree = fc.letrec((tie) => ({
    node: fc.oneof(
      { depthSize: 'small' },
      fc.constant('file'),
      fc.constantFrom('../outside', '/', '.', '..', 'nowhere').map((target) => ({ link: target })),
      fc.array(tie('node'), { maxLength: 4 }),
    ),
  })).node;
  const outside = join(root, 'outside');
  await mkdir(outside);
  await writeFile(join(outside, 'precious'), '');
  await fc.assert(
    fc.asyncProperty(tree, async (made) => {
      await plant(join(root, 'tree'), made);
      await removeTree(join(root, 'tree'));
      expect((await readdir(root)).toSorted()).toEqual(['outside']);
      expect(await readdir(outside)).toEqual(['precious']);
    }),
    { numRuns: 60 },
  );
});

async function plant(path: string, made: unknown): Promise<void> {
  if (made === 'file') return writeFile(path, '');
  if (!Array.isArray(made)) return symlink((made as { link: string }).link, path);
  await mkdir(path);
  for (const [number, below] of made.entries()) await plant(join(path, `n${number}`), below);
}

test('names that are no UTF-8, and a tree far deeper than descriptors or paths reach, are removed', async () => {
  let deepest = join(root, 'begin');
  await mkdir(deepest);
  for (let level = 0; level < 80; level += 1) {
    const above = join(root, `level${level}`); // built from within: no path reaches that far
    await mkdir(above);
    await writeFile(Buffer.concat([Buffer.from(`${above}/f`), Buffer.of(0xff)]), '');
    await rename(deepest, join(above, 'd'.repeat(100)));
    deepest = above;
  }
  await rename(deepest, join(root, 'deep'));
  await removeTree(join(root, 'deep'));
  expect(await readdir(root)).toEqual([]);
});

test('directories that their owner may not even list are removed', async () => {
  const tree = join(root, 'tree');
  await mkdir(join(tree, 'closed/below'), { recursive: true });
  await writeFile(join(tree, 'closed/below/file'), '');
  for (const [name, mode] of [
    ['closed/below', 0o000],
    ['closed', 0o500],
    ['.', 0o555],
  ] as const)
    await chmod(join(tree, name), mode);
  if (isRoot) {
    execFileSync('chown', ['-R', 'nobody', root]);
    const script = `import(${JSON.stringify(import.meta.resolve('../../../../src/platform/linux/index.ts'))}).then(async (m) => {
      process.setgroups([]); process.setuid('nobody'); await m.removeTree(${JSON.stringify(tree)}); })`;
    execFileSync(process.execPath, ['-e', script], { stdio: 'inherit' });
  } else await removeTree(tree);
  expect(await readdir(root)).toEqual([]);
});

test.runIf(isRoot)('what is mounted in a tree is not touched, and the removal says so', async () => {
  await mkdir(join(root, 'elsewhere'));
  await writeFile(join(root, 'elsewhere/precious'), '');
  await mkdir(join(root, 'tree/mounted'), { recursive: true });
  execFileSync('mount', ['--bind', join(root, 'elsewhere'), join(root, 'tree/mounted')]);
  try {
    await expect(removeTree(join(root, 'tree'))).rejects.toMatchObject({ code: 'PATH_UNSAFE' });
    expect(await readdir(join(root, 'elsewhere'))).toEqual(['precious']);
  } finally {
    execFileSync('umount', [join(root, 'tree/mounted')]);
  }
});
