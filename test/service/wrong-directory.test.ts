import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { loadSettings } from '../../src/platform/config/index.ts';
import { makeHostRig } from '../support/host-rig.ts';
import { asNobody } from '../support/as-nobody.ts';

const BIN = join(import.meta.dirname, '../../bin/wavspool.js');
let directory: string;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'wavspool-wrong-'));
});
afterAll(() => rm(directory, { recursive: true }));

test.each([
  ['status', 2],
  ['failed', 2],
  ['snapshots list', 2],
  ['snapshot state', 2],
  ['rotate', 2],
  ['audit', 2],
  ['config check', 0],
  ['doctor', 1],
])('in a directory without settings "%s" says where it looked, and makes nothing', async (command, code) => {
  const child = spawn(process.execPath, [BIN, ...command.split(' ')], {
    cwd: directory,
    env: {
      PATH: process.env['PATH'],
      S3_ACCESS_KEY_ID: 'x',
      S3_SECRET_ACCESS_KEY: 'x',
      AWS_MAX_ATTEMPTS: '1',
    },
  });
  let said = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (said += String(chunk)));
  expect(await once(child, 'close')).toEqual([code, null]);
  expect(said).toContain(
    `no settings file found, looked at ${join(directory, 'wavspool.yaml')} and /etc/wavspool/wavspool.yaml`,
  );
  expect(await readdir(directory)).toEqual([]);
});

test('a settings file that this user may not read is named as such', async () => {
  const file = join(directory, 'closed.yaml');
  await writeFile(file, 'site: here');
  await chmod(directory, 0o755);
  await chmod(file, 0);
  await asNobody(async () =>
    expect(() => loadSettings({ configFile: file, env: {} })).toThrow('permission denied'),
  );
});

test('before the first run "status" misses no directory that wavspool makes itself', async () => {
  await using rig = await makeHostRig('s3: { bucket: none }');
  await mkdir(join(rig.directory, 'data/incoming'), { recursive: true });
  const { stdout } = await rig.wavspool('status', '--json');
  const { disk, verdict } = JSON.parse(stdout) as {
    disk: Record<string, { path: string; freeBytes: number } | null>;
    verdict: { attention: readonly { id: string }[] };
  };
  expect(verdict.attention.map(({ id }) => id)).toEqual(['redis-away']);
  expect(disk['extracted']).toMatchObject({
    path: join(rig.directory, 'data/extracted'),
    freeBytes: expect.any(Number),
  });
  expect(disk[join(rig.directory, 'data/snapshots')]).not.toBeNull();
});
