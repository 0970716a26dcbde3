import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, readdir, rm, writeFile, chmod } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { removeTree } from '../../src/platform/linux/index.ts';
import { startSwapper } from '../support/swapper.ts';

const NOBODY = 65_534;
const ROUNDS = 6;
const DIRECTORIES = 12;
const FILES = 40;

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'wavspool-swap-'));
  await chmod(root, 0o755);
});
afterEach(() => rm(root, { recursive: true, force: true }));

/** A tree of somebody else's, whose directories hold files of the very names that root's directory holds. */
async function plant(tree: string): Promise<readonly string[]> {
  const directories = Array.from({ length: DIRECTORIES }, (_, number) => join(tree, `d${number}`));
  for (const directory of directories) {
    await mkdir(directory, { recursive: true });
    for (let number = 0; number < FILES; number += 1) await writeFile(join(directory, `f${number}`), '');
  }
  execFileSync('chown', ['-R', String(NOBODY), tree]);
  return directories;
}

test.runIf(process.geteuid?.() === 0)(
  'P13: the owner of a tree that root removes swaps its directories for links, and loses nothing but his own',
  async () => {
    const secret = join(root, 'secret');
    await mkdir(secret, { mode: 0o700 });
    const names = Array.from({ length: FILES }, (_, number) => `f${number}`);
    for (const name of names) await writeFile(join(secret, name), 'of root');
    let swaps = 0;
    for (let round = 0; round < ROUNDS; round += 1) {
      const tree = join(root, `tree${round}`);
      const directories = await plant(tree);
      await using swapper = await startSwapper(NOBODY, secret, directories);
      // he may win a race for what is his: then it is refused, and goes at the next attempt
      await removeTree(tree).catch((error: unknown) => expect(error).toMatchObject({ code: 'PATH_UNSAFE' }));
      swaps += swapper.swaps();
      expect((await readdir(secret)).toSorted()).toEqual(names.toSorted());
    }
    expect(swaps).toBeGreaterThan(ROUNDS);
  },
);
