import { chmod, mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { openDirectory } from '../../../../src/platform/linux/index.ts';
import { bringToMode, whoseElse } from '../../../../src/maintenance/record/directory-mode.ts';

async function broughtTo(asked: number, from: number): Promise<[unknown, string]> {
  const path = await mkdtemp(join(tmpdir(), 'wavspool-mode-'));
  try {
    await chmod(path, from);
    await using directory = await openDirectory(path);
    return [await bringToMode(directory, asked), ((await stat(path)).mode & 0o7777).toString(8)];
  } finally {
    await rm(path, { recursive: true });
  }
}

test('a directory is brought to the mode that is asked for, its setgid bit stays, and it is said', async () => {
  expect(await broughtTo(0o750, 0o755)).toEqual([{ was: '0755', asked: '0750' }, '750']);
  expect(await broughtTo(0o750, 0o2775)).toEqual([{ was: '0775', asked: '0750' }, '2750']);
});

test('one that has it is left alone', async () => {
  expect(await broughtTo(0o750, 0o750)).toEqual([undefined, '750']);
});

test('only its own user’s and root’s directories are changed', () => {
  expect(whoseElse({ uid: 1000 }, 1000)).toBeUndefined();
  expect(whoseElse({ uid: 0 }, 1000)).toBeUndefined();
  expect(whoseElse({ uid: 1001 }, 1000)).toContain('another user (uid 1001)');
  expect(whoseElse({ uid: 1001 }, 0)).toContain('another user');
});
