import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';

// The program itself: its exit codes, and what goes to stdout and what to stderr. What each command says is tested in one process.

const BIN = join(import.meta.dirname, '../../bin/wavspool.js');
let directory: string;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'wavspool-exit-'));
  const data = join(directory, 'data');
  const write = (name: string, settings: object): Promise<void> =>
    writeFile(join(directory, name), JSON.stringify(settings));
  await write('host.yaml', { paths: { data } });
  await write('no-redis.yaml', {
    paths: { data },
    s3: { bucket: 'recordings', endpoint: 'http://127.0.0.1:9', accessKeyId: 'x', secretAccessKey: 'x' },
    redis: { url: 'redis://127.0.0.1:9' },
  });
});
afterAll(() => rm(directory, { recursive: true }));

interface Ended {
  readonly code: number | string | null;
  readonly stdout: string;
  readonly stderr: string;
}

function wavspool(...args: string[]): Promise<Ended> {
  const { promise, resolve } = Promise.withResolvers<Ended>();
  execFile(process.execPath, [BIN, ...args], { cwd: directory }, (error, stdout, stderr) =>
    resolve({ code: error === null ? 0 : (error.code ?? null), stdout, stderr }),
  );
  return promise;
}

test.concurrent('0: done', async () => {
  expect(await wavspool('--config', 'host.yaml', 'config', 'check')).toEqual({
    code: 0,
    stdout: `${join(directory, 'host.yaml')}: no fault\n`,
    stderr: '',
  });
});

test.concurrent('1: something is wrong', async () => {
  const { code, stdout, stderr } = await wavspool('--config', 'host.yaml', '--json', 'trace', 'x.tar');
  expect({ code, stderr }).toEqual({ code: 1, stderr: '' });
  expect(JSON.parse(stdout)).toMatchObject({ kind: 'unknown' });
});

test.concurrent('2: usage or settings', async () => {
  const { code, stdout, stderr } = await wavspool('stauts');
  expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
  expect(stderr).toContain('Did you mean status?');
});

test.concurrent('3: a service is missing', async () => {
  const { code, stdout, stderr } = await wavspool('--config', 'no-redis.yaml', '--json', 'rescan');
  expect(code).toBe(3);
  expect(JSON.parse(stdout)).toMatchObject({ code: 'REDIS_UNREACHABLE' });
  expect(stderr).toContain('redis://127.0.0.1:9');
});
