import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { until } from '../support/ports.ts';
import { startPostgres, type PostgresServers } from '../support/postgres.ts';
import { startRedis, type TestRedis } from '../support/redis.ts';
import { startS3, type TestS3 } from '../support/s3.ts';
import { makeTar } from '../support/tars.ts';
import { makeTomorrow, type Tomorrow } from '../support/tomorrow.ts';

// An upgrade without a stop: this version and the next one on one queue, one ledger and one bucket. The next one is this tree with one more
// schema, added columns and the next version of each payload.

const TODAY = join(import.meta.dirname, '../../bin/wavspool.js');
const PER_TAR = 5;
const run = promisify(execFile);

let directory: string;
let postgres: PostgresServers;
let redis: TestRedis;
let s3: TestS3;
let tomorrow: Tomorrow;
const settings: Record<string, string> = {};
const running: ChildProcess[] = [];
const hashes = new Map<string, string>();

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'wavspool-side-by-side-'));
  [postgres, redis, s3, tomorrow] = await Promise.all([
    startPostgres(),
    startRedis({ appendOnly: 'off' }),
    startS3(),
    makeTomorrow(),
  ]);
  for (const name of ['incoming', 'extracted', 'today', 'tomorrow']) await mkdir(join(directory, name));
  const { bucket, endpoint, accessKeyId, secretAccessKey } = s3;
  for (const version of ['today', 'tomorrow']) {
    settings[version] = join(directory, `${version}.yaml`);
    const content = {
      site: 'side',
      paths: {
        data: join(directory, version),
        incoming: join(directory, 'incoming'),
        extracted: join(directory, 'extracted'),
      },
      redis: { url: redis.url },
      state: { url: postgres.url },
      s3: { bucket, endpoint, accessKeyId, secretAccessKey },
      arrival: { quietSeconds: 0.5, rescanSeconds: 2 },
      extract: { minFreeBytes: '16MiB' },
      log: { level: 'debug' },
      shutdownSeconds: 10,
    };
    await writeFile(settings[version], JSON.stringify(content), { mode: 0o600 });
  }
});
afterAll(async () => {
  await stopAll();
  await Promise.all([postgres, redis, s3, tomorrow].map((one) => one[Symbol.asyncDispose]()));
  await rm(directory, { recursive: true, force: true });
});

type Version = 'today' | 'tomorrow';

const binOf = (version: Version): string => (version === 'today' ? TODAY : tomorrow.bin);

async function start(version: Version, ...roles: readonly string[]): Promise<void> {
  const before = (await events(version, 'role started')).length;
  const words = [binOf(version), 'work', ...roles, '--config', settings[version] ?? ''];
  running.push(spawn(process.execPath, words, { stdio: 'ignore' }));
  await until(
    `${version}'s ${roles.join(' ')}`,
    async () => (await events(version, 'role started')).length > before,
  );
}

async function stopAll(): Promise<void> {
  for (const child of running.splice(0)) {
    child.kill('SIGTERM');
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
  }
}

async function events(version: Version, name: string): Promise<readonly Record<string, unknown>[]> {
  const log = await readFile(join(directory, version, 'logs/wavspool.log'), 'utf8').catch(() => '');
  const lines = log.split('\n').filter(Boolean);
  return lines.map((line) => JSON.parse(line) as Record<string, unknown>).filter(({ msg }) => msg === name);
}

function migrate(version: Version): Promise<{ stdout: string }> {
  return run(process.execPath, [binOf(version), 'state', 'migrate', '--config', settings[version] ?? '']);
}

async function land(name: string): Promise<void> {
  const members = Array.from({ length: PER_TAR }, (_, at) => ({
    name: `${name}-${at}.wav`,
    body: randomBytes(2000),
  }));
  for (const { name: key, body } of members) hashes.set(key, createHash('sha256').update(body).digest('hex'));
  const path = join(directory, 'incoming', `${name}.tar`);
  await writeFile(`${path}.part`, makeTar(members));
  await rename(`${path}.part`, path);
}

async function untilUploaded(): Promise<void> {
  const uploaded = "SELECT wav_path FROM uploads WHERE status = 'SUCCESS'";
  await until(
    'all of it is uploaded',
    async () => (await postgres.primary.sql(uploaded)).length === hashes.size,
    120_000,
  );
}

const worked = async (version: Version): Promise<readonly number[]> => [
  (await events(version, 'tar extracted')).length,
  (await events(version, 'recording uploaded')).length,
];

test('this version works on a ledger that the next one has migrated, and off jobs that the next one has queued', async () => {
  await migrate('today');
  await start('today', 'watch', 'extract', 'upload', 'maintain');
  await land('before');
  await untilUploaded();
  await migrate('tomorrow'); // while today's are at work
  await land('migrated');
  await untilUploaded();
  await stopAll();

  await start('today', 'extract', 'upload');
  await start('tomorrow', 'watch');
  await land('queued-by-tomorrow');
  await untilUploaded();
  expect(await worked('today')).toEqual([3, 3 * PER_TAR]);
  expect(await worked('tomorrow')).toEqual([0, 0]);
  await stopAll();
});

test('the next one works off jobs that this version has queued', async () => {
  await start('today', 'watch');
  await start('tomorrow', 'extract', 'upload');
  await land('queued-by-today');
  await untilUploaded();
  expect(await worked('tomorrow')).toEqual([1, PER_TAR]);
  await stopAll();
});

test('side by side they upload every recording once and spend no retry; each tar gets its receipt', async () => {
  await start('today', 'watch', 'extract', 'upload', 'maintain');
  await start('tomorrow', 'watch', 'extract', 'upload', 'maintain');
  for (let at = 0; at < 20; at += 1) await land(`both-${at}`);
  await untilUploaded();
  const tars = hashes.size / PER_TAR;
  await until('every tar has its receipt', async () => {
    const keys = await s3.keys();
    return keys.filter((key) => key.startsWith('.receipts/')).length === tars;
  });
  for (const version of ['today', 'tomorrow'] as const) {
    expect((await worked(version))[1]).toBeGreaterThan(0);
    for (const fault of ['job crashed', 'job failed', 'tar failed', 'recording failed'])
      expect(await events(version, fault)).toEqual([]);
  }
  const [sums] = await postgres.primary.sql<object>(
    'SELECT count(*)::int AS rows, sum(retry_count)::int AS retries, count(DISTINCT key)::int AS keys FROM uploads',
  );
  expect(sums).toEqual({ rows: hashes.size, retries: 0, keys: hashes.size });
  const [chain] = await postgres.primary.sql<object>(
    'SELECT count(DISTINCT receipt_seq)::int AS places, max(receipt_seq)::int AS last FROM extracted_tars',
  );
  expect(chain).toEqual({ places: tars, last: tars });
  for (const [key, sha256] of hashes)
    expect(
      createHash('sha256')
        .update(await s3.bytes(key))
        .digest('hex'),
    ).toBe(sha256);
});

test('a version that is too old for the ledger refuses with the reason, and what waits is uploaded by the next one', async () => {
  await stopAll();
  await migrate('tomorrow');
  const before = (await events('tomorrow', 'tar arrived')).length;
  await start('tomorrow', 'watch');
  await land('too-late-for-today');
  await until('its tar has arrived', async () => (await events('tomorrow', 'tar arrived')).length > before);
  await stopAll();
  // as a version does that has dropped what this one needs
  await postgres.primary.sql('UPDATE wavspool_schema SET oldest_program = schema');
  for (const words of [['work', 'extract', 'upload'], ['failed']]) {
    const args = [TODAY, ...words, '--config', settings['today'] ?? ''];
    const refused = await run(process.execPath, args).catch((error: unknown) => error);
    expect(refused, words.join(' ')).toMatchObject({ code: 3 });
    expect((refused as { stderr: string }).stderr).toMatch(
      /needs a program that knows schema \d+; this one knows \d+/,
    );
  }
  await start('tomorrow', 'watch', 'extract', 'upload');
  await untilUploaded();
  const sums = await postgres.primary.sql('SELECT sum(retry_count)::int AS retries FROM uploads');
  expect(sums).toEqual([{ retries: 0 }]);
  await postgres.primary.sql('UPDATE wavspool_schema SET oldest_program = 1');
});

test('this version starts on the ledger of the next one, and the next one refuses a ledger that was not migrated', async () => {
  await stopAll();
  expect((await migrate('today')).stdout).toContain('already');
  await postgres.primary.sql('UPDATE wavspool_schema SET schema = schema - 1');
  const refused = await run(process.execPath, [
    tomorrow.bin,
    'failed',
    '--config',
    settings['tomorrow'] ?? '',
  ]).catch((error: unknown) => error);
  expect(refused).toMatchObject({ code: 3, stderr: expect.stringContaining('state migrate') as string });
});
