import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createSyncShell, type SyncShell } from '../../../../src/platform/linux/sync-file-system.ts';

const never = new AbortController().signal;
const { PATH } = process.env;
let dir: string;
let shell: SyncShell;

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'wavspool-shell-'));
  shell = createSyncShell();
});
afterEach(async () => {
  process.env['PATH'] = PATH;
  shell.close();
  await rm(dir, { recursive: true });
});

/** Puts a `sync` before the system's. */
async function fakeSync(...commands: readonly string[]): Promise<void> {
  await writeFile(join(dir, 'sync'), ['#!/bin/sh', ...commands, ''].join('\n'));
  await chmod(join(dir, 'sync'), 0o755);
  process.env['PATH'] = `${dir}:${PATH}`;
}

async function linesOf(file: string): Promise<readonly string[]> {
  return (await readFile(join(dir, file), 'utf8')).split('\n').filter(Boolean);
}

test.each(['plain', ' with  blanks ', '-f', '$(touch here)', '"quoted\'', 'back\\slash', 'two\nlines'])(
  'the file system of a directory named %j is synced',
  async (name) => {
    await mkdir(join(dir, name));
    expect(await shell.sync(join(dir, name), never)).toBe(true);
    expect(await shell.sync(join(dir, name, 'missing'), never)).toBe(false);
  },
);

test('one shell is enough for all, and each hears its own answer', async () => {
  await fakeSync(`echo $PPID >> ${dir}/parents`, 'sleep 0.0$(basename "$3")', 'exit $(basename "$3")');
  const codes = [3, 0, 1, 0];
  const answers = codes.map((code) => shell.sync(join(dir, String(code)), never));
  expect(await Promise.all(answers)).toEqual([false, true, false, true]);
  expect(new Set(await linesOf('parents')).size).toBe(1);
});

test('a shell that is killed has synced nothing, and the next takes its place', async () => {
  await fakeSync('kill -KILL $PPID', `rm ${dir}/sync`);
  expect(await shell.sync(dir, never)).toBe(false);
  expect(await shell.sync(dir, never)).toBe(true);
});

test('a host without sync is not synced', async () => {
  process.env['PATH'] = dir;
  expect(await shell.sync(dir, never)).toBe(false);
});

test('a caller that gives up waits no longer, and takes no other caller’s answer', async () => {
  await fakeSync(`until [ -e ${dir}/go ]; do sleep 0.01; done`, 'exit $(basename "$3")');
  const patience = new AbortController();
  const first = shell.sync(join(dir, '1'), patience.signal);
  const second = shell.sync(join(dir, '0'), never);
  patience.abort(new Error('enough'));
  await expect(first).rejects.toThrow('enough');
  await writeFile(join(dir, 'go'), '');
  expect(await second).toBe(true);
  await expect(shell.sync(dir, patience.signal)).rejects.toThrow('enough');
});
