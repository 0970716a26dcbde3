import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, rm, symlink, truncate, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { readManifest, readSummary } from '../../../../src/maintenance/mirror/manifest.ts';
import { recordsIn } from '../../../../src/maintenance/record/index.ts';
import { openDirectory, openPlainIn, readPlainIn } from '../../../../src/platform/linux/index.ts';
import { sha256OfFile } from '../../../../src/platform/runtime/index.ts';

const MANIFEST = '.wavspool.sha256';
let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'wavspool-plain-'));
  await writeFile(join(root, 'file'), 'content');
});
afterEach(() => rm(root, { recursive: true, force: true }));

test('P13: a file is read', async () => {
  await using directory = await openDirectory(root);
  expect(await readPlainIn(directory, 'file')).toBe('content');
  expect(await readPlainIn(directory, 'none')).toBeUndefined();
});

const INSTEAD: Readonly<Record<string, (path: string) => Promise<unknown>>> = {
  'a pipe': async (path) => execFileSync('mkfifo', [path]),
  'a link to a file': (path) => symlink(join(root, 'file'), path),
  'a link to a device that never ends': (path) => symlink('/dev/zero', path),
  'a directory': (path) => mkdir(path),
  'a socket': (path) =>
    new Promise<void>((resolve) => {
      const server = createServer().listen(path, () => resolve());
      server.unref();
    }),
  'a file of a terabyte': async (path) => {
    await writeFile(path, '');
    await truncate(path, 2 ** 40);
  },
};

test.each(Object.entries(INSTEAD))(
  'P13: %s in place of a note says nothing and holds nothing up',
  async (what, put) => {
    await mkdir(join(root, '.wavspool'));
    for (const name of ['.wavspool/a.json', MANIFEST]) await put(join(root, name));
    await using directory = await openDirectory(root);
    expect(await readPlainIn(directory, MANIFEST)).toBeUndefined();
    expect(await recordsIn(directory)).toEqual(new Map());
    expect(await readSummary(directory)).toBeUndefined();
    if (what === 'a file of a terabyte') return;
    expect(await openPlainIn(directory, MANIFEST)).toBeUndefined();
    await expect(readManifest(directory).next()).rejects.toThrow('has no manifest');
  },
);

test('P13: the hash of a pipe is not waited for', async () => {
  execFileSync('mkfifo', [join(root, 'pipe')]);
  const ofNothing = await sha256OfFile('/dev/null');
  expect(await sha256OfFile(join(root, 'pipe'))).toBe(ofNothing);
});
