import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { HeadObjectCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { listSnapshotBackups, takeSnapshots } from '../../src/maintenance/catalogue/index.ts';
import { systemClock, type Clock } from '../../src/platform/runtime/index.ts';
import { makeHostRig, type HostRig } from '../support/host-rig.ts';
import { makeLedger, readLedger, startWriter } from '../support/busy-database.ts';
import { controlledClock } from '../support/time-machine.ts';
import { startS3, type TestS3 } from '../support/s3.ts';

// Copies of snapshots in the bucket, on a real S3 server.

const never = new AbortController().signal;
let s3: TestS3;
beforeAll(async () => {
  s3 = await startS3();
});
afterAll(() => s3[Symbol.asyncDispose]());

async function rigWith(
  offsite: string,
  {
    file = 'ledger_{YYYY-MM-DD}.db',
    endpoint = s3.endpoint,
    clock = systemClock,
  }: { file?: string; endpoint?: string; clock?: Clock } = {},
): Promise<HostRig> {
  const rig = await makeHostRig(
    `
s3: { bucket: ${s3.bucket}, endpoint: "${endpoint}", accessKeyId: ${s3.accessKeyId}, secretAccessKey: ${s3.secretAccessKey} }
databases:
  - { name: ledger, path: DIR/ledger.db, snapshots: [
      { name: plain, cron: "0 2 * * *", dir: DIR/copies, file: "${file}", compress: gzip, offsite: ${offsite} } ] }
`,
    clock,
  );
  makeLedger(join(rig.directory, 'ledger.db'));
  return rig;
}

interface Listed {
  readonly rows: readonly { readonly where: string; readonly path: string; readonly name: string }[];
}

async function listed(rig: HostRig): Promise<Listed['rows']> {
  return (JSON.parse((await rig.wavspool('snapshots', 'list', '--json')).stdout) as Listed).rows;
}

test('brought there with its hash, listed, restored from there', async () => {
  await using rig = await rigWith('{ prefix: backups/, file: "state_{YYYY-MM-DD}.db" }');
  const before = readLedger(join(rig.directory, 'ledger.db'));
  const taken = await rig.wavspool('snapshot', 'ledger', '--json');
  expect(taken).toMatchObject({ code: 0, stderr: '' });
  const { snapshots } = JSON.parse(taken.stdout) as {
    snapshots: [{ path: string; sha256: string; offsite: { shipped: [string] } }];
  };
  const [{ path, sha256, offsite }] = snapshots;
  const [key] = offsite.shipped;
  expect(key).toMatch(/^backups\/state_\d{4}-\d\d-\d\d\.db\.gz$/);
  expect(await s3.bytes(key)).toEqual(await readFile(path));
  const head = await s3.client.send(new HeadObjectCommand({ Bucket: s3.bucket, Key: key }));
  expect(head.Metadata).toMatchObject({ sha256, database: 'ledger', schedule: 'plain' });

  const address = `s3://${s3.bucket}/${key}`;
  expect(await listed(rig)).toEqual([
    expect.objectContaining({ where: 'local', path }),
    expect.objectContaining({ where: 'offsite', path: address }),
  ]);
  await (await startWriter(join(rig.directory, 'ledger.db'), 1000, 0.2)).ended();
  expect(await rig.wavspool('restore', 'ledger', '--from', address, '--verify-only')).toMatchObject({
    code: 0,
  });
  expect(await rig.wavspool('restore', 'ledger', '--from', address)).toMatchObject({ code: 0 });
  expect(readLedger(join(rig.directory, 'ledger.db'))).toEqual(before);
  expect(await rig.wavspool('restore', 'ledger', '--from', 's3://elsewhere/x')).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('is not in s3.bucket'),
  });
  expect(await rig.wavspool('restore', 'ledger', '--from', `${address}x`)).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('the bucket has no object'),
  });
});

test('nothing is overwritten: the second snapshot of a day has the plain name, the first its time', async () => {
  await using rig = await rigWith('{ prefix: twins/, file: "{YYYY-MM-DD}.db" }');
  expect(await rig.wavspool('snapshot', 'ledger')).toMatchObject({ code: 0 });
  await (await startWriter(join(rig.directory, 'ledger.db'), 1000, 0.2)).ended();
  expect(await rig.wavspool('snapshot', 'ledger')).toMatchObject({ code: 0 });
  const keys = (await s3.keys()).filter((key) => key.startsWith('twins/'));
  expect(keys).toEqual([
    expect.stringMatching(/^twins\/[\d-]{10}\.db\.gz$/),
    expect.stringMatching(/^twins\/[\d-]{10}_\d{6}\.db\.gz$/),
  ]);
  const moves: number[] = [];
  for (const key of keys) {
    const unpacked = join(rig.directory, 'unpacked.db');
    await writeFile(unpacked, gunzipSync(await s3.bytes(key)));
    moves.push(readLedger(unpacked).moves);
  }
  expect(moves[0]).toBeGreaterThan(0);
  expect(moves[1]).toBe(0);
  const offsite = (await listed(rig)).filter(({ where }) => where === 'offsite');
  expect(offsite.map(({ path }) => path)).toEqual(keys.map((key) => `s3://${s3.bucket}/${key}`));
});

test('retention there counts and removes what its metadata gives to this schedule, and nothing else', async () => {
  const clock = controlledClock(Date.parse('2026-09-01T02:00:00Z'));
  await using rig = await rigWith('{ prefix: kept/, file: "{YYYY-MM-DD}.db", keep: { last: 2 } }', { clock });
  const put = async (key: string, body: string, metadata?: Record<string, string>): Promise<void> => {
    const input = { Bucket: s3.bucket, Key: key, Body: body, Metadata: metadata };
    await s3.client.send(new PutObjectCommand(input));
  };
  const taken = async (day: string): Promise<readonly string[]> => {
    clock.set(Date.parse(`2026-09-${day}T02:00:00Z`));
    const [outcome] = await takeSnapshots(rig.host, { database: 'ledger' }, 'hand', never);
    return outcome?.offsite !== undefined && 'shipped' in outcome.offsite ? outcome.offsite.shipped : [];
  };
  const foreign = [
    'kept/2025-09-01.db.gz',
    'kept/2025-09-02.tar',
    'kept/2027-12-31.db.gz',
    'kept/2026-09-03.db.gz',
  ];
  await taken('01');
  await put('kept/2025-09-01.db.gz', 'older');
  await put('kept/2025-09-02.tar', 'no copy');
  await put('kept/2027-12-31.db.gz', ''); // dated next year, and empty
  const sibling = {
    database: 'ledger',
    schedule: 'plain',
    'taken-at': '1',
    origin: 'another host',
    sha256: 'x',
  };
  await put('kept/2026-09-03.db.gz', 'of another host with the same settings', sibling);
  expect(await taken('02')).toEqual(['kept/2026-09-02.db.gz']);
  expect(await taken('03')).toEqual([expect.stringMatching(/^kept\/2026-09-03_020000\.db\.gz$/)]);
  expect(await taken('04')).toEqual(['kept/2026-09-04.db.gz']);
  expect((await s3.keys()).filter((key) => key.startsWith('kept/'))).toEqual(
    [...foreign, 'kept/2026-09-03_020000.db.gz', 'kept/2026-09-04.db.gz'].toSorted(),
  );
  // what the record says is when it was taken: `--at` of the same minute finds it
  const { snapshots } = await listSnapshotBackups(rig.host, 'ledger', never);
  expect(snapshots.filter(({ where }) => where === 'offsite')[1]).toMatchObject({
    at: '2026-09-04T02:00:00.000Z',
  });
});

test('an object with the metadata of a copy, and not its length, takes no copy’s place and is not removed', async () => {
  const clock = controlledClock(Date.parse('2026-09-01T02:00:00Z'));
  await using rig = await rigWith('{ prefix: emptied/, file: "{YYYY-MM-DD}.db", keep: { last: 2 } }', {
    clock,
  });
  const night = async (day: number): Promise<readonly string[]> => {
    clock.set(Date.parse(`2026-09-0${day}T02:00:00Z`));
    await takeSnapshots(rig.host, { database: 'ledger' }, 'hand', never);
    return (await s3.keys()).filter((key) => key.startsWith('emptied/'));
  };
  await night(1);
  await night(2);
  const { Metadata } = await s3.client.send(
    new HeadObjectCommand({ Bucket: s3.bucket, Key: 'emptied/2026-09-02.db.gz' }),
  );
  const emptied = { Bucket: s3.bucket, Key: 'emptied/2027-09-02.db.gz', Body: '', Metadata };
  await s3.client.send(new PutObjectCommand(emptied));
  expect(await night(3)).toEqual([
    'emptied/2026-09-02.db.gz',
    'emptied/2026-09-03.db.gz',
    'emptied/2027-09-02.db.gz',
  ]);
  const [row] = (await listed(rig)).filter(({ path }) => path.endsWith('2027-09-02.db.gz'));
  expect(row).toMatchObject({ verified: false, foreign: expect.stringContaining('not as long as') });
});

test('a failed upload is said, the local snapshot stands, and the next run brings it', async () => {
  await using rig = await rigWith('{ prefix: late/, file: "{YYYY-MM-DD}.db" }', {
    endpoint: 'http://127.0.0.1:9',
  });
  const failed = await rig.wavspool('snapshot', 'ledger');
  expect(failed).toMatchObject({ code: 1, stdout: expect.stringMatching(/copies\/ledger_.*\.gz\n$/) });
  expect(failed.stderr).toContain('is not offsite yet');
  const list = await rig.wavspool('snapshots', 'list');
  expect(list).toMatchObject({ code: 1, stderr: expect.stringContaining('not listed: ledger plain: ') });
  const name = failed.stdout.trim().split('/').at(-1)!;
  expect(list.stdout).toContain(name);
  expect(await rig.wavspool('restore', 'ledger', '--from', name)).toMatchObject({ code: 0 }); // whatever the store does
  expect(await rig.wavspool('snapshots', 'verify')).toMatchObject({ code: 0 });
  const settings = join(rig.directory, 'wavspool.yaml');
  await writeFile(settings, (await readFile(settings, 'utf8')).replace('http://127.0.0.1:9', s3.endpoint));
  const next = await rig.wavspool('snapshot', 'ledger');
  expect(next).toMatchObject({ code: 0, stderr: '' });
  expect((await s3.keys()).filter((key) => key.startsWith('late/'))).toHaveLength(2);
});
