import { mkdtemp, readFile, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { loadSettings } from '../../src/platform/config/index.ts';
import { startRedis } from '../support/redis.ts';
import { runCommand } from '../support/run-command.ts';
import { startS3 } from '../support/s3.ts';

let directory: string;
let serial = 0;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'wavspool-init-'));
});
afterAll(() => rm(directory, { recursive: true }));

function fresh(): string {
  serial += 1;
  return join(directory, `${serial}.yaml`);
}

test('without a terminal it writes the defaults, and config check accepts them', async () => {
  const file = fresh();
  const ended = await runCommand(['init', '--config', file], { env: {} });
  expect([ended.code, ended.stderr]).toEqual([0, '']);
  expect(ended.stdout).toContain('export S3_ACCESS_KEY_ID=');
  expect((await stat(file)).mode & 0o777).toBe(0o640);
  expect((await runCommand(['config', 'check', '--config', file], { env: {} })).code).toBe(0);
  const { settings } = loadSettings({ configFile: file, env: {} });
  expect(settings.paths.incoming).toBe(join(directory, 'data/incoming'));
  expect([settings.s3.endpoint, settings.redis.url]).toEqual([undefined, undefined]);
});

test('on a terminal it asks five questions, and asks again what the settings cannot hold', async () => {
  const file = fresh();
  const answers = ['/var/lib/calls', '', 'x', 'calls-2026', 's3.example.com', 'https://s3.example.com', ''];
  const ended = await runCommand(['init', '--config', file], { env: {}, answers });
  expect(ended.stderr).toContain('3 to 255 letters');
  expect(ended.stderr).toContain('an http:// or https:// address');
  expect(ended.code).toBe(0);
  const { settings } = loadSettings({ configFile: file, env: {} });
  expect(settings.paths).toMatchObject({ data: '/var/lib/calls', incoming: '/var/lib/calls/incoming' });
  expect(settings.s3).toMatchObject({ bucket: 'calls-2026', endpoint: 'https://s3.example.com' });
});

test('what a flag says is not asked; the end of the input takes what is offered', async () => {
  const file = fresh();
  const args = ['init', '--config', file, '--bucket', 'told', '--json'];
  const ended = await runCommand(args, { env: {}, answers: ['/d'] });
  expect(ended.stderr).not.toContain('Which bucket');
  expect(JSON.parse(ended.stdout)).toMatchObject({ file, data: '/d', bucket: 'told', endpoint: '' });
});

test('it overwrites nothing', async () => {
  const file = fresh();
  await writeFile(file, 'site: mine\n');
  const ended = await runCommand(['init', '--config', file], { env: {} });
  expect(ended).toMatchObject({ code: 2, stderr: expect.stringContaining('is there already') });
  expect(await readFile(file, 'utf8')).toBe('site: mine\n');
  expect((await readdir(directory)).filter((name) => name.startsWith('.'))).toEqual([]);
});

test.each([
  [['--bucket', 'no/bucket'], 'letters, digits'],
  [['--data', '~/data'], '"~" is not expanded'],
  [['--redis', 'redis://:pw-of-redis@r1:6379'], 'it holds a password'],
  [['--redis', 'r1:6379'], 'redis'],
])('%j: it says what is wrong, and writes nothing', async (flags, told) => {
  const file = fresh();
  const ended = await runCommand(['init', '--config', file, ...flags], { env: {} });
  expect(ended).toMatchObject({ code: 2, stderr: expect.stringContaining(told) });
  expect(ended.stderr).not.toContain('pw-of-redis');
  await expect(stat(file)).rejects.toThrow('ENOENT');
});

test('on a terminal it says so before it asks anything', async () => {
  const file = fresh();
  await writeFile(file, 'site: mine\n');
  const told = [file, join(directory, 'none/wavspool.yaml')];
  for (const config of told) {
    const ended = await runCommand(['init', '--config', config], { env: {}, answers: ['', '', '', '', ''] });
    expect(ended.stderr).toMatch(new RegExp(`^wavspool: ${config} (is there already|cannot be written)`));
    expect(ended.code).toBe(2);
  }
});

test('a directory that is not there is named', async () => {
  const file = join(directory, 'none/wavspool.yaml');
  const ended = await runCommand(['init', '--config', file], { env: {} });
  expect(ended).toMatchObject({ code: 2, stderr: expect.stringContaining(`${file} cannot be written`) });
});

test('doctor accepts what it wrote', async () => {
  await using redis = await startRedis();
  await using s3 = await startS3();
  const file = fresh();
  const answers = ['--data', 'own', '--bucket', s3.bucket, '--endpoint', s3.endpoint, '--redis', redis.url];
  const env = { S3_ACCESS_KEY_ID: s3.accessKeyId, S3_SECRET_ACCESS_KEY: s3.secretAccessKey };
  const ended = await runCommand(['init', '--config', file, ...answers], { env });
  expect([ended.code, ended.stderr]).toEqual([0, '']);
  const doctor = await runCommand(['doctor', '--config', file], { env });
  expect(doctor.code, doctor.stdout).toBe(0);
});
