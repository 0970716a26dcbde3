import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { systemClock, systemRandom } from '../../src/platform/runtime/index.ts';
import { migratePostgres, openPostgresLedger } from '../../src/platform/state/index.ts';
import { commitTar } from '../support/commit-tar.ts';
import { startPostgres, type PostgresServers } from '../support/postgres.ts';
import { startRedis, type TestRedis } from '../support/redis.ts';
import { runCommand, type Ended } from '../support/run-command.ts';

const TAR = { path: '/in/a.tar', size: 1, mtimeMs: 1 };
let directory: string;
let postgres: PostgresServers;
let redis: TestRedis;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'wavspool-sites-'));
  await mkdir(join(directory, 'data/incoming'), { recursive: true });
  [postgres, redis] = await Promise.all([startPostgres(), startRedis()]);
  const opened = { address: postgres.address, clock: systemClock, random: systemRandom };
  await migratePostgres(opened);
  for (const site of ['north', 'south']) {
    const ledger = await openPostgresLedger({ ...opened, site, store: 'bucket', maxRetries: 0 });
    await commitTar(ledger, TAR, { [`/${site}/1.wav`]: `1-${site}`, [`/${site}/2.wav`]: `2-${site}` });
    await ledger.recordings.failed(`/${site}/1.wav`, { cause: 'missing', message: 'gone', retryCount: 0 });
    await ledger.close();
  }
});
afterAll(async () => {
  await postgres[Symbol.asyncDispose]();
  await redis[Symbol.asyncDispose]();
  await rm(directory, { recursive: true });
});

/** A command on the host of `north`, with other settings. */
async function onNorth(words: readonly string[], changes: object = {}): Promise<Ended> {
  const settings = {
    site: 'north',
    paths: { data: join(directory, 'data') },
    redis: { url: redis.url },
    state: { url: postgres.url },
    ...changes,
  };
  const file = join(directory, 'wavspool.yaml');
  await writeFile(file, JSON.stringify(settings), { mode: 0o600 });
  return runCommand(['--config', file, ...words]);
}

const pathsIn = (stdout: string): unknown =>
  (JSON.parse(stdout) as { rows: { path: string }[] }).rows.map(({ path }) => path);

test('without --site a command is about this host’s own', async () => {
  const { stdout, code } = await onNorth(['failed', '--json']);
  expect(code).toBe(1);
  expect(pathsIn(stdout)).toEqual(['/north/1.wav']);
});

test('--site names another one of the ledger, or all of them', async () => {
  expect(pathsIn((await onNorth(['failed', '--json', '--site', 'south'])).stdout)).toEqual(['/south/1.wav']);
  const all = await onNorth(['failed', '--json', '--site', 'all']);
  expect(all.code).toBe(1);
  expect(JSON.parse(all.stdout)).toMatchObject({
    sites: [
      { site: 'north', total: 1 },
      { site: 'south', total: 1 },
    ],
  });
  const { stdout } = await onNorth(['failed', '--site', 'all']);
  expect(stdout).toMatch(/--- site north[^]*\/north\/1\.wav[^]*--- site south[^]*\/south\/1\.wav/);
});

test('the status of another site has its recordings and roles, and nothing of this host’s disks and copies', async () => {
  const { stdout, code } = await onNorth(['status', '--json', '--site', 'south']);
  expect(code).toBe(1);
  const status = JSON.parse(stdout) as Record<string, unknown>;
  expect(status).toMatchObject({
    site: 'south',
    recordings: { PENDING: 1, FAILED: 1 },
    roles: [],
  });
  expect(Object.keys(status)).not.toEqual(expect.arrayContaining(['disk']));
  const text = (await onNorth(['status', '--site', 'south'])).stdout;
  expect(text).not.toMatch(/inodes|last snapshots|not there/);
});

test('a site that the ledger does not know is told, with the nearest one', async () => {
  expect(await onNorth(['failed', '--site', 'soth'])).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('did you mean south?'),
  });
});

test('where the ledger is a file, or Redis is this host’s own, another site is refused with the reason', async () => {
  expect(await onNorth(['failed', '--site', 'south'], { state: {} })).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('knows the site north only'),
  });
  expect((await onNorth(['failed', '--json', '--site', 'all'], { state: {} })).code).toBe(0);
  expect(await onNorth(['status', '--site', 'south'], { redis: {} })).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('the sites have to share a Redis'),
  });
});
