import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { RoleName } from '../../src/domain/role-names.ts';
import { until } from '../support/ports.ts';
import { startRedis } from '../support/redis.ts';

const WORKERS = join(import.meta.dirname, '../../workers');
const NOT_THERE = 'redis://127.0.0.1:9';

let directory: string;
let role: ChildProcess;
let said = '';

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'wavspool-stopping-'));
  await mkdir(join(directory, 'data/incoming'), { recursive: true });
});
afterEach(async () => {
  if (role.exitCode === null && role.signalCode === null) {
    role.kill('SIGKILL');
    await once(role, 'exit');
  }
  await rm(directory, { recursive: true });
});

async function start(name: RoleName, redis: string): Promise<void> {
  const yaml = `paths: { data: ./data }
redis: { url: "${redis}" }
s3: { endpoint: "http://127.0.0.1:9" }
shutdownSeconds: 3600
`;
  await writeFile(join(directory, 'wavspool.yaml'), yaml);
  said = '';
  role = spawn(process.execPath, [join(WORKERS, `${name}.js`)], {
    cwd: directory,
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  });
  role.stderr?.on('data', (chunk: Buffer) => void (said += String(chunk)));
}

test('a role that is asked to stop while it waits for Redis waits no longer', async () => {
  await start('upload', NOT_THERE);
  await until('it waits for Redis', () => said.includes('redis away'));
  const ended = once(role, 'exit');
  role.kill('SIGTERM');
  expect(await ended).toEqual([0, null]);
  expect(said).toMatch(/role stopping .*SIGTERM/);
});

test('a role whose supervisor died before its code was loaded ends too', async () => {
  await start('upload', NOT_THERE);
  const ended = once(role, 'exit');
  role.disconnect();
  expect(await ended).toEqual([0, null]);
  expect(said).toMatch(/role stopping .*the supervisor is gone/);
});

test.each(['extract', 'upload', 'maintain'] as const)(
  '%s, whose Redis is gone, does not wait to tell it goodbye',
  async (name) => {
    await using redis = await startRedis({ appendOnly: 'off' });
    await start(name, redis.url);
    await until('it works', () => said.includes('role started'));
    await redis.kill();
    await until('it has noticed', () => /redis away|heartbeat failed/.test(said));
    const ended = once(role, 'exit');
    role.kill('SIGTERM');
    expect(await ended).toEqual([0, null]);
    expect(said).toContain('role stopped');
    expect(said).not.toContain('not stopped in time');
  },
);
