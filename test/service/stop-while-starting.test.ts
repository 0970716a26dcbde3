import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { until } from '../support/ports.ts';

// Redis is not there, so that a role waits for it and does not come to its work.

const UPLOAD = join(import.meta.dirname, '../../workers/upload.js');
const NOT_THERE = 'redis://127.0.0.1:9';

let directory: string;
let role: ChildProcess;
let said = '';

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'wavspool-starting-'));
  await mkdir(join(directory, 'data/incoming'), { recursive: true });
  const yaml = `paths: { data: ./data }\nredis: { url: "${NOT_THERE}" }\ns3: { endpoint: "http://127.0.0.1:9" }\n`;
  await writeFile(join(directory, 'wavspool.yaml'), yaml);
  said = '';
  role = spawn(process.execPath, [UPLOAD], { cwd: directory, stdio: ['ignore', 'ignore', 'pipe', 'ipc'] });
  role.stderr?.on('data', (chunk: Buffer) => void (said += String(chunk)));
});
afterEach(async () => {
  if (role.exitCode === null && role.signalCode === null) {
    role.kill('SIGKILL');
    await once(role, 'exit');
  }
  await rm(directory, { recursive: true });
});

test('a role that is asked to stop while it waits for Redis waits no longer', async () => {
  await until('it waits for Redis', () => said.includes('redis away'));
  const ended = once(role, 'exit');
  role.kill('SIGTERM');
  expect(await ended).toEqual([0, null]);
  expect(said).toMatch(/role stopping .*SIGTERM/);
});

test('a role whose supervisor died before its code was loaded ends too', async () => {
  const ended = once(role, 'exit');
  role.disconnect();
  expect(await ended).toEqual([0, null]);
  expect(said).toMatch(/role stopping .*the supervisor is gone/);
});
