import { PutObjectCommand } from '@aws-sdk/client-s3';
import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { systemClock, systemRandom } from '../../src/platform/runtime/index.ts';
import { openQueuesNow, type Queues } from '../../src/platform/queue/index.ts';
import { Secret } from '../../src/platform/config/index.ts';
import { migratePostgres, openPostgresLedger } from '../../src/platform/state/index.ts';
import { commitTar } from '../support/commit-tar.ts';
import { startPostgres, type PostgresServers } from '../support/postgres.ts';
import { startRedis, type TestRedis } from '../support/redis.ts';
import { runCommand, type Ended } from '../support/run-command.ts';
import { startS3, type TestS3 } from '../support/s3.ts';

const NO_PATHS = { incoming: '/in', extracted: '/out', state: '/state.db', log: '/log' };
const TAR = { path: '/in/a.tar', size: 1, mtimeMs: 1 };
let directory: string;
let postgres: PostgresServers;
let redis: TestRedis;
let s3: TestS3;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'wavspool-sites-'));
  await mkdir(join(directory, 'data/incoming'), { recursive: true });
  [postgres, redis, s3] = await Promise.all([startPostgres(), startRedis(), startS3()]);
  const opened = { address: postgres.address, clock: systemClock, random: systemRandom };
  await migratePostgres(opened);
  for (const site of ['north', 'south']) {
    const ledger = await openPostgresLedger({ ...opened, site, store: storeName(), maxRetries: 5 });
    await commitTar(ledger, TAR, { [`/${site}/1.wav`]: `1-${site}`, [`/${site}/2.wav`]: `2-${site}` });
    await ledger.recordings.failed(`/${site}/1.wav`, { cause: 'missing', message: 'gone', retryCount: 5 });
    await ledger.close();
  }
});
afterAll(async () => {
  await postgres[Symbol.asyncDispose]();
  await redis[Symbol.asyncDispose]();
  await s3[Symbol.asyncDispose]();
  await rm(directory, { recursive: true });
});

/** As a ledger names the bucket. */
const storeName = (): string => `${new URL(s3.endpoint).host}/${s3.bucket}`;

/** The queues of a site, to look at and to speak for its roles. */
async function queuesOf(site: string): Promise<Queues> {
  const settings = { site, redis: { url: new Secret(redis.url) }, paths: { ...NO_PATHS, data: directory } };
  return openQueuesNow(settings, () => undefined, systemClock);
}

/** A command on the host of `north`, with other settings. */
async function onNorth(words: readonly string[], changes: object = {}): Promise<Ended> {
  const settings = {
    site: 'north',
    paths: { data: join(directory, 'data') },
    s3: {
      bucket: s3.bucket,
      endpoint: s3.endpoint,
      accessKeyId: s3.accessKeyId,
      secretAccessKey: s3.secretAccessKey,
    },
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

test('recordings of another site come back from the bucket, checked against what its rows say', async () => {
  const Body = Buffer.from('RIFF of south');
  await s3.client.send(new PutObjectCommand({ Bucket: s3.bucket, Key: 'south/3.wav', Body }));
  const options = { address: postgres.address, clock: systemClock, random: systemRandom, maxRetries: 5 };
  const ledger = await openPostgresLedger({ ...options, site: 'south', store: storeName() });
  await commitTar(ledger, { ...TAR, path: '/in/b.tar' }, { '/south/3.wav': '3' });
  const sha256 = createHash('sha256').update(Body).digest('hex');
  const stored = { key: 'south/3.wav', size: Body.length, sha256, etag: 'e', versionId: undefined };
  await ledger.recordings.stored('/south/3.wav', stored);
  await ledger.close();
  const to = join(directory, 'fetched');
  const fetched = await onNorth(['fetch', '/south/3.wav', '--to', to, '--site', 'south', '--json']);
  expect(fetched).toMatchObject({ code: 0, stdout: expect.stringContaining('"recordings": 1') });
  expect(await readFile(join(to, 'south/3.wav'))).toEqual(Body);
  expect((await onNorth(['fetch', '/south/3.wav', '--to', to])).code).not.toBe(0); // north has no such recording
  expect((await onNorth(['fetch', '--tar', '*', '--to', to, '--site', 'all'])).code).toBe(2);
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
  expect(JSON.stringify(status['verdict'])).not.toContain('paths.state');
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
    code: 3,
    stderr: expect.stringContaining('the sites have to share a Redis'),
  });
});

test('a trace finds a recording in whichever site it is, and takes no file of this host for one of another', async () => {
  const { stdout, code } = await onNorth(['trace', '/south/2.wav', '--site', 'all', '--json']);
  expect(code).toBe(0);
  expect(JSON.parse(stdout)).toMatchObject({
    sites: [
      { site: 'north', kind: 'unknown' },
      {
        site: 'south',
        kind: 'recording',
        onDisk: { error: 'only the host of the site south can tell' },
        row: { status: 'PENDING' },
        tar: { extraction: { path: '/in/a.tar' } },
      },
    ],
  });
  expect((await onNorth(['trace', '/nowhere.wav', '--site', 'all'])).code).toBe(1);
});

test('what lies in the landing directory of another host is told as its watch role told it, with its age', async () => {
  expect(await onNorth(['landing', '--site', 'south'])).toMatchObject({
    code: 3,
    stderr: expect.stringContaining('no watch role of it has told anything'),
  });
  await using queues = disposable(await queuesOf('south'));
  await queues.shared.setLanding({
    incomplete: { count: 2, bytes: 10, oldestSeconds: 60, needsAttention: true },
  });
  const { stdout, code } = await onNorth(['landing', '--site', 'all', '--json']);
  expect(code).toBe(3);
  expect(JSON.parse(stdout)).toMatchObject({
    sites: [
      { site: 'north', rows: [], figures: {} },
      {
        site: 'south',
        rows: [],
        figures: { incomplete: { count: 2 } },
        figuresAgeSeconds: expect.any(Number),
        unasked: ['what lies on the host of the site south in detail'],
      },
    ],
  });
  expect((await onNorth(['landing', '--site', 'south'])).stdout).toMatch(
    /2 files incomplete.*needs attention\nas its watch role said \d+ s ago; NOT ASKED: /,
  );
});

test('an audit of another site compares the bucket, and says that it could not look at the disk', async () => {
  const stored = { key: 'both/1.wav', sha256: 'a', etag: 'e', size: 5, versionId: undefined };
  await s3.client.send(new PutObjectCommand({ Bucket: s3.bucket, Key: stored.key, Body: 'bytes' }));
  const ledger = await openPostgresLedger({
    address: postgres.address,
    clock: systemClock,
    random: systemRandom,
    site: 'north',
    store: storeName(),
    maxRetries: 5,
  });
  await ledger.recordings.stored('/north/2.wav', stored);
  await ledger.close();
  const south = await onNorth(['audit', '--site', 'south', '--json']);
  expect(south.code).toBe(1); // two of its recordings are not in the bucket
  expect(JSON.parse(south.stdout)).toMatchObject({
    findings: [], // what lies there is of north
    open: { pending: 1, failed: 1 },
    unasked: ['what lies on the host of the site south'],
  });
  expect(await onNorth(['audit', '--site', 'south', '--repair'])).toMatchObject({
    code: 3,
    stderr: expect.stringContaining('only the host of the site south can repair'),
  });
});

test('a re-queue reaches the queues of the other site', async () => {
  const tried = await onNorth(['requeue', '--wav', '/south/1.wav', '--site', 'all', '--json', '--dry-run']);
  expect(tried.code).toBe(0);
  expect(JSON.parse(tried.stdout)).toMatchObject({
    sites: [
      { site: 'north', code: 'USAGE' },
      { site: 'south', recordings: 1, dryRun: true },
    ],
  });
  expect(await onNorth(['requeue', '--wav', '/none.wav', '--site', 'all'])).toMatchObject({ code: 2 });
  const done = await onNorth(['requeue', '--all', '--site', 'south']);
  expect(done).toMatchObject({ code: 0, stdout: 're-queued 1 recording and 0 tars\n' });
  await using queues = disposable(await queuesOf('south'));
  // its file is gone, so it is extracted again: the version that the ledger knows, for this host cannot see the tar
  expect(await queues.extract.bull.getJobs(['waiting', 'prioritized'])).toMatchObject([
    { data: { tar: '/in/a.tar' } },
  ]);
  expect((await onNorth(['failed', '--site', 'south'])).code).toBe(0);
  expect((await onNorth(['failed'])).code).toBe(1);
});

function disposable<T extends { close(): Promise<void> }>(opened: T): T & AsyncDisposable {
  return { ...opened, [Symbol.asyncDispose]: () => opened.close() };
}
