import { spawnSync } from 'node:child_process';
import { mkdir, mkdtemp, readdir, rm, symlink, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { sweepTemporaries, temporaryPath } from '../../../../src/platform/runtime/durable-file.ts';
import { filesBelow } from '../../../../src/platform/runtime/files-below.ts';

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'wavspool-sweep-'));
  await mkdir(join(root, '2025/01'), { recursive: true });
});
afterEach(() => rm(root, { recursive: true }));

/** A temporary file as another process of that host would have named it. */
async function left(directory: string, pid: number, host?: string): Promise<string> {
  const own = basename(temporaryPath(directory));
  const name = own
    .replace(`-${process.pid}-`, `-${pid}-`)
    .replace(/^\.wavspool-[^-]+/, (begin) => (host === undefined ? begin : `.wavspool-${host}`));
  await writeFile(join(directory, name), '');
  return name;
}

const deadPid = (): number => spawnSync('true').pid;
const below = async (): Promise<string[]> => (await readdir(join(root, '2025/01'))).toSorted();

test('what a dead process has left is swept at every depth, and nothing else', async () => {
  const day = join(root, '2025/01');
  const kept = [
    basename(temporaryPath(day)), // our own
    await left(day, process.ppid), // a living process's
    await left(day, 1, 'another'), // young, of a host that nobody can ask
    'call-1.wav',
  ];
  for (const name of kept) await writeFile(join(day, name), '');
  await left(day, deadPid());
  await left(root, deadPid());
  const old = await left(day, 2, 'another');
  await utimes(join(day, old), 1, 1);

  expect(await sweepTemporaries(root, Date.now())).toBe(3);
  expect(await below()).toEqual(kept.toSorted());
});

test('only the directory itself is swept where that was asked for', async () => {
  const deeper = await left(join(root, '2025/01'), deadPid());
  await left(root, deadPid());
  expect(await sweepTemporaries(root, Date.now(), { recursive: false })).toBe(1);
  expect(await below()).toEqual([deeper]);
});

test('a sweep that is told to end ends', async () => {
  const remains = await left(join(root, '2025/01'), deadPid());
  const signal = AbortSignal.abort(new Error('stopped'));
  await expect(sweepTemporaries(root, Date.now(), { signal })).rejects.toThrow('stopped');
  expect(await below()).toEqual([remains]);
});

test('a directory that vanishes on the way is passed over, one that was never there is not', async () => {
  for (const name of ['a', 'b', 'c']) {
    await mkdir(join(root, name));
    await writeFile(join(root, name, 'call.wav'), '');
  }
  await symlink(root, join(root, 'link'));
  const found: string[] = [];
  for await (const { directory } of filesBelow(root)) {
    found.push(basename(directory));
    if (found.length === 1)
      for (const name of ['a', 'b', 'c']) await rm(join(root, name), { recursive: true });
  }
  expect(found).toHaveLength(1);
  await expect(filesBelow(join(root, 'nowhere')).next()).rejects.toThrow('ENOENT');
});
