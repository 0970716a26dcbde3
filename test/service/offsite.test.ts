import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { HeadObjectCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { makeHostRig, type HostRig } from '../support/host-rig.ts';
import { makeLedger, readLedger, startWriter } from '../support/busy-database.ts';
import { startS3, type TestS3 } from '../support/s3.ts';

// Copies of snapshots in the bucket, on a real S3 server.

let s3: TestS3;
beforeAll(async () => {
  s3 = await startS3();
});
afterAll(() => s3[Symbol.asyncDispose]());

async function rigWith(
  offsite: string,
  { file = 'ledger_{YYYY-MM-DD}.db', endpoint = s3.endpoint } = {},
): Promise<HostRig> {
  const rig = await makeHostRig(`
s3: { bucket: ${s3.bucket}, endpoint: "${endpoint}", accessKeyId: ${s3.accessKeyId}, secretAccessKey: ${s3.secretAccessKey} }
databases:
  - { name: ledger, path: DIR/ledger.db, snapshots: [
      { name: plain, cron: "0 2 * * *", dir: DIR/copies, file: "${file}", compress: gzip, offsite: ${offsite} } ] }
`);
  makeLedger(join(rig.directory, 'ledger.db'));
  return rig;
}

interface Listed {
  readonly snapshots: readonly { readonly where: string; readonly path: string; readonly name: string }[];
}

async function listed(rig: HostRig): Promise<Listed['snapshots']> {
  return (JSON.parse((await rig.wavspool('snapshots', 'list', '--json')).stdout) as Listed).snapshots;
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
    expect.objectContaining({ where: 'offsite', path: address }),
    expect.objectContaining({ where: 'local', path }),
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

test('nothing is overwritten: another snapshot of the same day stands beside the first', async () => {
  await using rig = await rigWith('{ prefix: twins/, file: "{YYYY-MM-DD}.db" }');
  expect(await rig.wavspool('snapshot', 'ledger')).toMatchObject({ code: 0 });
  await (await startWriter(join(rig.directory, 'ledger.db'), 1000, 0.2)).ended();
  expect(await rig.wavspool('snapshot', 'ledger')).toMatchObject({ code: 0 });
  const keys = (await s3.keys()).filter((key) => key.startsWith('twins/'));
  expect(keys).toEqual([
    expect.stringMatching(/^twins\/[\d-]{10}\.db\.gz$/),
    expect.stringMatching(/^twins\/[\d-]{10}\.db~[0-9a-f]{12}\.gz$/),
  ]);
  const moves: number[] = [];
  for (const key of keys) {
    const unpacked = join(rig.directory, 'unpacked.db');
    await writeFile(unpacked, gunzipSync(await s3.bytes(key)));
    moves.push(readLedger(unpacked).moves);
  }
  expect(moves[0]).toBe(0);
  expect(moves[1]).toBeGreaterThan(0);
  expect((await listed(rig)).filter(({ where }) => where === 'offsite')).toHaveLength(2);
});

test('retention there counts what is there, and leaves what is not its own', async () => {
  await using rig = await rigWith('{ prefix: kept/, file: "{YYYY-MM-DD-HH-mm-ss}.db", keep: { last: 2 } }', {
    file: 'ledger_{YYYY-MM-DD-HH-mm-ss}.db',
  });
  const put = async (key: string): Promise<void> => {
    await s3.client.send(new PutObjectCommand({ Bucket: s3.bucket, Key: key, Body: 'older' }));
  };
  await put('kept/2025-09-01-02-00-00.db.gz');
  await put('kept/2025-09-02-02-00-00.db.gz');
  await put('kept/2025-09-02.tar');
  expect(await rig.wavspool('snapshot', 'ledger')).toMatchObject({ code: 0 });
  expect((await s3.keys()).filter((key) => key.startsWith('kept/'))).toEqual([
    'kept/2025-09-02-02-00-00.db.gz',
    'kept/2025-09-02.tar',
    expect.stringMatching(/^kept\/20[\d-]+\.db\.gz$/),
  ]);
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
  expect((await s3.keys()).filter((key) => key.startsWith('late/'))).toHaveLength(1);
});
