import { hash, randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { PutObjectCommand } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { systemClock, systemRandom } from '../../src/platform/runtime/index.ts';
import { openSqliteLedger } from '../../src/platform/state/index.ts';
import type { RecordingRow } from '../../src/domain/recording.ts';
import type { Ledger } from '../../src/domain/ledger.ts';
import type { ObjectStore } from '../../src/platform/s3/index.ts';
import { openS3Store } from '../../src/platform/s3/s3.ts';
import { bandwidth, uploadRecording, type UploadDeps } from '../../src/ingest/upload/index.ts';
import { startS3, type TestS3 } from '../support/s3.ts';
import { commitTar } from '../support/commit-tar.ts';

// Which object a recording becomes when its key, its file or its row is not as usual, on a real store.

const never = new AbortController().signal;
let s3: TestS3;
let store: ObjectStore;
let directory: string;
let ledger: Ledger;
let reported: string[] = [];

beforeAll(async () => {
  s3 = await startS3();
  store = openS3Store(s3.settings(), (event) => void reported.push(event), systemClock);
  directory = await mkdtemp(join(tmpdir(), 'wavspool-keys-'));
  ledger = await openSqliteLedger({
    file: join(directory, 'state.db'),
    maxRetries: 5,
    clock: systemClock,
    random: systemRandom,
    report: (event) => void reported.push(event),
  });
});
afterAll(async () => {
  await ledger.close();
  store.close();
  await s3[Symbol.asyncDispose]();
  await rm(directory, { recursive: true });
});

/** Extracts one recording: its file, its row. */
async function extracted(place: string, tar: string, bytes: Buffer): Promise<RecordingRow> {
  const path = join(directory, 'extracted', place);
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, bytes);
  const sha256 = hash('sha256', bytes, 'hex');
  const version = { path: join(directory, 'incoming', tar), size: 1, mtimeMs: 1 };
  const member = place.slice(place.lastIndexOf('/') + 1);
  await commitTar(ledger, version, { [path]: { member, size: bytes.length, sha256 } });
  return rowOf(path);
}

async function rowOf(path: string): Promise<RecordingRow> {
  const row = await ledger.recordings.get(path);
  if (row === undefined) throw new Error(`no row for ${path}`);
  return row;
}

function uploadDeps(
  bucket: ObjectStore = store,
  rows: Pick<Ledger['recordings'], 'stored'> = ledger.recordings,
): UploadDeps {
  return {
    recordings: rows,
    store: bucket,
    bandwidth: bandwidth(undefined, 'UTC', systemClock, () => 1),
    clock: systemClock,
    report: (event) => void reported.push(event),
    site: 'rig',
    prefix: '',
    incoming: join(directory, 'incoming'),
    extracted: join(directory, 'extracted'),
  };
}

async function upload(row: RecordingRow, bucket: ObjectStore = store): Promise<RecordingRow> {
  await uploadRecording(uploadDeps(bucket), row, never);
  return rowOf(row.path);
}

async function putForeign(key: string, body: Buffer, metadata: Record<string, string> = {}): Promise<void> {
  await s3.client.send(new PutObjectCommand({ Bucket: s3.bucket, Key: key, Body: body, Metadata: metadata }));
}

test.each([
  ['small', 9000],
  ['in parts', 6 * 1024 * 1024],
])(
  'P5: a key that another site’s recording has is answered with the next free name: %s',
  async (name, size) => {
    const [theirs, ours] = [randomBytes(size), randomBytes(size)];
    const key = `2025/${name}/call.wav`;
    await putForeign(key, theirs);
    const row = await extracted(key, `2025/${name}/file1.tar`, ours);
    reported = [];
    expect(await upload(row)).toMatchObject({
      status: 'SUCCESS',
      key: `2025/${name}/file1/call.wav`,
      retryCount: 0,
    });
    expect(reported).toEqual(['key taken', 'recording uploaded']);
    expect(await s3.bytes(key)).toEqual(theirs);
    expect(await s3.bytes(`2025/${name}/file1/call.wav`)).toEqual(ours);
  },
);

test('P5: and where that is taken too, by one with the hash in it', async () => {
  await putForeign('third/other.wav', randomBytes(500));
  await putForeign('third/file1/other.wav', randomBytes(20));
  const mine = randomBytes(500);
  const third = await upload(await extracted('third/other.wav', 'third/file1.tar', mine));
  const short = hash('sha256', mine, 'hex').slice(0, 12);
  expect(third).toMatchObject({ status: 'SUCCESS', key: `third/file1/${short}/other.wav` });
});

test('P5: the answer to a PUT under the second name was lost: the next try finds it there', async () => {
  const body = randomBytes(9000);
  await putForeign('lost/call.wav', randomBytes(9000));
  const row = await extracted('lost/call.wav', 'lost/b.tar', body);
  await upload(row);
  expect(await upload(row)).toMatchObject({ status: 'SUCCESS', key: 'lost/b/call.wav' });
  expect((await s3.keys()).filter((key) => key.startsWith('lost/'))).toEqual([
    'lost/b/call.wav',
    'lost/call.wav',
  ]);
});

test('P1: a recording whose file cleanup removed and whose row an older state.db forgot is found in the bucket', async () => {
  const body = randomBytes(9000);
  const row = await extracted('older/call.wav', 'older/a.tar', body);
  await upload(row);
  await rm(row.path);
  expect(await upload({ ...row, status: 'PENDING', key: undefined })).toMatchObject({
    status: 'SUCCESS',
    key: 'older/call.wav',
    sha256: hash('sha256', body, 'hex'),
  });

  const second = await extracted('older/second.wav', 'older/a.tar', body);
  await putForeign('older/second.wav', randomBytes(9000));
  await upload(second); // it went under the second name
  await writeFile(second.path, 'changed since');
  expect(await upload(second)).toMatchObject({ status: 'SUCCESS', key: 'older/a/second.wav' });
});

async function takenOver(name: string): Promise<RecordingRow> {
  return {
    ...(await rowOf(join(directory, 'extracted/older/call.wav'))),
    path: join(directory, 'extracted', name),
    status: 'FAILED',
    tar: undefined,
    member: undefined,
    size: undefined,
    sha256: undefined,
    key: undefined,
  };
}

test('P1: so is one of a row that was taken over and knows no hash, if the object noted one and its bytes have it', async () => {
  const body = randomBytes(500);
  const sha256 = hash('sha256', body, 'hex');
  await putForeign('bare/noted.wav', body, { sha256 });
  await putForeign('bare/not-noted.wav', body);
  await putForeign('bare/half.wav', body.subarray(0, 100), { sha256 });
  let receipt: unknown;
  const deps = uploadDeps(store, {
    stored: async (path, said) => {
      receipt = { path, ...said };
    },
  });
  await uploadRecording(deps, await takenOver('bare/noted.wav'), never);
  expect(receipt).toMatchObject({ key: 'bare/noted.wav', size: 500, sha256 });
  for (const name of ['bare/not-noted.wav', 'bare/half.wav', 'bare/nothing.wav'])
    await expect(uploadRecording(deps, await takenOver(name), never)).rejects.toMatchObject({
      code: 'RECORDING_MISSING',
    });
});

test('a missing recording that is in no bucket, or whose key others have, stays missing', async () => {
  const row = await extracted('gone/call.wav', 'gone/a.tar', randomBytes(100));
  await rm(row.path);
  await expect(upload(row)).rejects.toMatchObject({ code: 'RECORDING_MISSING' });
  await putForeign('gone/call.wav', randomBytes(100));
  await expect(upload(row)).rejects.toMatchObject({ code: 'RECORDING_MISSING' });
  const nowhere = openS3Store(
    s3.settings({ bucket: 'wavspool-no-such-bucket' }),
    () => undefined,
    systemClock,
  );
  await expect(upload(row, nowhere)).rejects.toMatchObject({ code: 'STORE_BUCKET' });
  nowhere.close();
});
