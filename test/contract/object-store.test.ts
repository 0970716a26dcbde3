import { hash, randomBytes } from 'node:crypto';
import { chmod, mkdtemp, rename, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  CreateMultipartUploadCommand,
  HeadObjectCommand,
  ListMultipartUploadsCommand,
  PutObjectCommand,
} from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Secret } from '../../src/platform/config/secret.ts';
import type { Report } from '../../src/domain/events.ts';
import { type Clock, systemClock } from '../../src/platform/runtime/clock.ts';
import type { ObjectStore, S3StoreSettings } from '../../src/platform/s3/index.ts';
import { openS3Store } from '../../src/platform/s3/s3.ts';
import { presetPayloadHash } from '../../src/platform/s3/payload-hash.ts';
import { asNobody } from '../support/as-nobody.ts';
import { freePort } from '../support/ports.ts';
import { type TestS3, startS3, writeRecording } from '../support/s3.ts';

// What every ObjectStore must do, on a real S3 server. A store that is no S3 gets its own `open` here.

const MIB = 1024 * 1024;
const never = new AbortController().signal;

let s3: TestS3;
let dir: string;
let store: ObjectStore;
let reported: string[] = [];

const report: Report = (event) => void reported.push(event);

beforeAll(async () => {
  s3 = await startS3();
  dir = await mkdtemp(join(tmpdir(), 'wavspool-store-'));
  store = openS3Store(s3.settings(), report, systemClock);
});
afterAll(async () => {
  store.close();
  await s3[Symbol.asyncDispose]();
  await rm(dir, { recursive: true });
});

function open(changes: Partial<S3StoreSettings>): ObjectStore {
  return openS3Store(s3.settings(changes), report, systemClock);
}

async function bytesAt(key: string): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of await store.get(key, never)) chunks.push(chunk);
  return Buffer.concat(chunks);
}

async function uploadsInProgress(): Promise<number> {
  const { Uploads: uploads = [] } = await s3.client.send(
    new ListMultipartUploadsCommand({ Bucket: s3.bucket }),
  );
  return uploads.length;
}

describe('put, head and get', () => {
  test.each([
    'plain.wav',
    '2025/09/01/agent 7/call.wav',
    'größe/приказ/通話.wav',
    'a#b?c&d=e.wav',
    'plus+minus.wav',
    '100%/%41.wav',
    '.hidden/./x.wav',
    `${'k'.repeat(1000)}.wav`,
  ])('P1: what is put as %j is there byte for byte, under this very key', async (key) => {
    const bytes = randomBytes(70_000);
    const object = await writeRecording(dir, key, bytes);
    const receipt = await store.putIfAbsent(object, never);
    expect(receipt.alreadyThere).toBe(false);
    expect(await bytesAt(key)).toEqual(bytes);
    expect(await store.head(key, never)).toMatchObject({ size: bytes.length, etag: receipt.etag });
    expect(await s3.keys()).toContain(key);
  });

  test('an empty recording is a recording', async () => {
    const object = await writeRecording(dir, 'empty.wav', Buffer.alloc(0));
    await store.putIfAbsent(object, never);
    expect(await bytesAt('empty.wav')).toEqual(Buffer.alloc(0));
  });

  test('P4: the hash, the metadata and the content type stay with the object', async () => {
    const object = {
      ...(await writeRecording(dir, 'described.wav', randomBytes(100))),
      metadata: { tar: 'größe/100% sure.tar', 'duration-ms': '1234', codec: 'pcm_s16le' },
    };
    await store.putIfAbsent(object, never);
    const head = await store.head('described.wav', never);
    expect(head?.metadata).toEqual({ ...object.metadata, sha256: object.sha256 });
    const raw = await s3.client.send(new HeadObjectCommand({ Bucket: s3.bucket, Key: 'described.wav' }));
    expect(raw.ContentType).toBe('audio/wav');
  });

  test('an object that is not there has no head, and no bytes', async () => {
    expect(await store.head('nothing.wav', never)).toBeUndefined();
    await expect(store.get('nothing.wav', never)).rejects.toMatchObject({ code: 'OBJECT_MISSING' });
  });

  test('a removed object is gone, and removing it again is harmless', async () => {
    const object = await writeRecording(dir, 'removed.wav', randomBytes(10));
    await store.putIfAbsent(object, never);
    await store.remove('removed.wav', never);
    await store.remove('removed.wav', never);
    expect(await store.head('removed.wav', never)).toBeUndefined();
  });

  test('100 uploads share a buffer budget that holds five of them', async () => {
    const narrow = open({ bufferBytes: 100_000 });
    const objects = await Promise.all(
      Array.from({ length: 100 }, (_, index) =>
        writeRecording(dir, `many/${index}.wav`, randomBytes(20_000)),
      ),
    );
    const receipts = await Promise.all(objects.map((object) => narrow.putIfAbsent(object, never)));
    expect(receipts.filter(({ alreadyThere }) => alreadyThere)).toEqual([]);
    expect((await s3.keys()).filter((key) => key.startsWith('many/'))).toHaveLength(100);
    narrow.close();
  });
});

describe.each([
  ['in one request', 300_000],
  ['in parts', 11 * MIB],
])('a key that is taken, %s', (_how, size) => {
  test('P5: by the same bytes counts as uploaded', async () => {
    const bytes = randomBytes(size);
    const key = `same/${size}.wav`;
    const first = await store.putIfAbsent(await writeRecording(dir, key, bytes), never);
    const again = await store.putIfAbsent(await writeRecording(dir, key, bytes), never);
    expect(again).toEqual({ ...first, alreadyThere: true });
  });

  test('P5: by different bytes is refused, and what is there stays', async () => {
    const [here, other] = [randomBytes(size), randomBytes(size)];
    const key = `different/${size}.wav`;
    await store.putIfAbsent(await writeRecording(dir, key, here), never);
    const refused = store.putIfAbsent(await writeRecording(dir, key, other), never);
    await expect(refused).rejects.toMatchObject({
      code: 'KEY_TAKEN',
      message: expect.stringContaining(hash('sha256', here, 'hex')),
    });
    expect(await bytesAt(key)).toEqual(here);
  });

  test('P5: by an object that another program put is compared by its bytes', async () => {
    const bytes = randomBytes(size);
    const key = `foreign/${size}.wav`;
    await s3.client.send(new PutObjectCommand({ Bucket: s3.bucket, Key: key, Body: bytes }));
    expect(await store.putIfAbsent(await writeRecording(dir, key, bytes), never)).toMatchObject({
      alreadyThere: true,
    });
    const other = store.putIfAbsent(await writeRecording(dir, key, randomBytes(size)), never);
    await expect(other).rejects.toMatchObject({ code: 'KEY_TAKEN' });
  });

  test('P5: by the same upload at the same time ends with one object and two receipts', async () => {
    const bytes = randomBytes(size);
    const key = `race/${size}.wav`;
    const object = await writeRecording(dir, key, bytes);
    const receipts = await Promise.all([store.putIfAbsent(object, never), store.putIfAbsent(object, never)]);
    expect(new Set(receipts.map(({ etag }) => etag)).size).toBe(1);
    expect(await bytesAt(key)).toEqual(bytes);
    expect(await uploadsInProgress()).toBe(0);
  });
});

describe.each([
  ['one request', 300_000],
  ['parts', 11 * MIB],
])('a recording that is not what its row says is not sent, in %s', (_how, size) => {
  const key = `changed/${size}.wav`;
  const fresh = () => writeRecording(dir, key, randomBytes(size));

  test.each<[string, string, (path: string) => Promise<unknown>]>([
    ['one other byte', 'RECORDING_CHANGED', (path) => writeFile(path, Buffer.alloc(1), { flag: 'r+' })],
    ['one byte fewer', 'RECORDING_CHANGED', (path) => truncate(path, size - 1)],
    ['one byte more', 'RECORDING_CHANGED', (path) => truncate(path, size + 1)],
    ['no bytes', 'RECORDING_CHANGED', (path) => truncate(path, 0)],
    ['no file', 'RECORDING_MISSING', (path) => rename(path, `${path}.gone`)],
  ])('P4: %s is %s', async (_change, code, change) => {
    const object = await fresh();
    await change(object.path);
    await expect(store.putIfAbsent(object, never)).rejects.toMatchObject({
      code,
      message: expect.stringContaining(object.path),
    });
    expect(await store.head(key, never)).toBeUndefined();
    expect(await uploadsInProgress()).toBe(0);
  });

  test('a directory in its place is FILE_UNREADABLE or RECORDING_CHANGED, never an upload', async () => {
    const object = { ...(await fresh()), path: dir };
    await expect(store.putIfAbsent(object, never)).rejects.toMatchObject({
      code: expect.stringMatching(/^(FILE_UNREADABLE|RECORDING_CHANGED)$/),
    });
  });

  test('a file that may not be read is FILE_UNREADABLE', async () => {
    const object = await fresh();
    await chmod(dir, 0o755);
    await chmod(object.path, 0);
    await asNobody(() =>
      expect(store.putIfAbsent(object, never)).rejects.toMatchObject({
        code: 'FILE_UNREADABLE',
        message: expect.stringContaining(object.path) as unknown,
      }),
    );
  });
});

test('P4: the server refuses bytes that are not those of the signed hash', async () => {
  const command = new PutObjectCommand({
    Bucket: s3.bucket,
    Key: 'wrong.wav',
    Body: Buffer.from('other bytes'),
  });
  presetPayloadHash(command, hash('sha256', 'these bytes', 'hex'));
  await expect(s3.client.send(command)).rejects.toMatchObject({ $metadata: { httpStatusCode: 400 } });
  expect(await s3.keys()).not.toContain('wrong.wav');
});

describe('a recording in parts', () => {
  test('P1: of 23 MiB, with 5 MiB parts, is there byte for byte with its hash', async () => {
    const bytes = randomBytes(23 * MIB + 1);
    const object = await writeRecording(dir, 'parts/large ö.wav', bytes);
    const receipt = await store.putIfAbsent(object, never);
    expect(receipt.etag).toMatch(/-5"$/); // five parts
    expect(hash('sha256', await bytesAt(object.key), 'hex')).toBe(object.sha256);
    expect(await store.head(object.key, never)).toMatchObject({
      size: object.size,
      metadata: { sha256: object.sha256, tar: 'a b.tar' },
    });
  });

  test('fits through a buffer budget smaller than a part', async () => {
    const narrow = open({ bufferBytes: MIB });
    const object = await writeRecording(dir, 'parts/narrow.wav', randomBytes(11 * MIB));
    await narrow.putIfAbsent(object, never);
    expect(hash('sha256', await bytesAt(object.key), 'hex')).toBe(object.sha256);
    narrow.close();
  });

  test('leaves nothing behind when the caller gives up on its way', async () => {
    const giveUp = new AbortController();
    const reason = new Error('shutting down');
    let requests = 0; // each begins with a deadline
    const clock: Clock = {
      ...systemClock,
      sleep: (ms, signal) => {
        requests += 1;
        if (requests === 5) giveUp.abort(reason); // after the look and the beginning, with parts on their way
        return systemClock.sleep(ms, signal);
      },
    };
    const quitter = openS3Store(s3.settings(), report, clock);
    const object = await writeRecording(dir, 'parts/given-up.wav', randomBytes(20 * MIB));
    await expect(quitter.putIfAbsent(object, giveUp.signal)).rejects.toBe(reason);
    expect(requests).toBeGreaterThan(5); // at least the abort of the upload
    quitter.close();
    expect(await uploadsInProgress()).toBe(0);
    expect(await store.head(object.key, never)).toBeUndefined();
  });

  test('that a crash left half is aborted when it is stale, below the prefix and nowhere else', async () => {
    for (const key of ['stale/1.wav', 'stale/2.wav', 'stale/2.wav', 'elsewhere/other.wav']) {
      await s3.client.send(new CreateMultipartUploadCommand({ Bucket: s3.bucket, Key: key }));
    }
    const below = open({ prefix: 'stale/' });
    expect(await below.abortStaleUploads(Date.now() - 3_600_000, never)).toBe(0);
    expect(await below.abortStaleUploads(Date.now() + 3_600_000, never)).toBe(3);
    expect(await uploadsInProgress()).toBe(1);
    expect(await store.abortStaleUploads(Date.now() + 3_600_000, never)).toBe(1);
    below.close();
  });
});

describe('probe', () => {
  test('finds that the server honours what wavspool relies on, and cleans up', async () => {
    const below = open({ prefix: 'probed/' });
    const findings = await below.probe(never);
    expect(findings.map(({ name, ok }) => [name, ok])).toEqual([
      ['put an object', true],
      ['a PUT with a wrong hash is refused', true],
      ['a second conditional PUT gives 412', true],
      ['metadata comes back', true],
      ['the bytes come back', true],
      ['remove an object', true],
      ['a rule aborts stale multipart uploads', true], // a fresh bucket has none: advice
    ]);
    expect(findings.at(-1)).toMatchObject({
      remedy: expect.stringContaining('AbortIncompleteMultipartUpload'),
    });
    expect((await s3.keys()).filter((key) => key.startsWith('probed/'))).toEqual([]);
    below.close();
  });

  test('of a bucket that is not there says so instead of failing', async () => {
    const nowhere = open({ bucket: 'wavspool-no-such-bucket' });
    const [put] = await nowhere.probe(never);
    expect(put).toMatchObject({ ok: false, found: expect.stringContaining('NoSuchBucket') });
    expect(put?.remedy).toContain('s3.bucket');
    nowhere.close();
  });
});

describe('a store that cannot be used', () => {
  const wrong: readonly [string, string, () => Promise<Partial<S3StoreSettings>>][] = [
    ['a missing bucket', 'STORE_BUCKET', async () => ({ bucket: 'wavspool-no-such-bucket' })],
    ['a wrong secret', 'STORE_CREDENTIALS', async () => ({ secretAccessKey: new Secret('wrong') })],
    ['an unknown access key', 'STORE_CREDENTIALS', async () => ({ accessKeyId: new Secret('unknown') })],
    [
      'a dead endpoint',
      'STORE_UNREACHABLE',
      async () => ({ endpoint: `http://127.0.0.1:${await freePort()}` }),
    ],
  ];

  test.each(wrong)('P7: %s is %s, whatever is asked', async (_what, code, changes) => {
    const broken = open(await changes());
    const object = await writeRecording(dir, 'broken.wav', randomBytes(100));
    const large = await writeRecording(dir, 'broken-large.wav', randomBytes(6 * MIB));
    await expect(broken.check(never)).rejects.toMatchObject({ code });
    await expect(broken.checkBody(1000, never)).rejects.toMatchObject({ code });
    await expect(broken.putIfAbsent(object, never)).rejects.toMatchObject({ code });
    await expect(broken.putIfAbsent(large, never)).rejects.toMatchObject({ code });
    await expect(broken.head('broken.wav', never)).rejects.toMatchObject({ code });
    await expect(broken.get('broken.wav', never)).rejects.toMatchObject({ code });
    await expect(broken.abortStaleUploads(0, never)).rejects.toMatchObject({ code });
    broken.close();
  });

  test('one that can be used passes its checks, which leave nothing in it', async () => {
    const before = await s3.keys();
    await expect(store.check(never)).resolves.toBeUndefined();
    await expect(store.checkBody(0, never)).resolves.toBeUndefined();
    await expect(store.checkBody(Infinity, never)).resolves.toBeUndefined();
    expect(await s3.keys()).toEqual(before);
  });

  test('what the caller aborted before it began ends with the caller’s reason', async () => {
    const aborted = AbortSignal.abort('stop');
    const object = await writeRecording(dir, 'aborted.wav', randomBytes(100));
    await expect(store.putIfAbsent(object, aborted)).rejects.toBe('stop');
    await expect(store.head('x', aborted)).rejects.toBe('stop');
    await expect(store.check(aborted)).rejects.toBe('stop');
    await expect(store.probe(aborted)).rejects.toBe('stop');
  });
});

test('nothing of all this needed a warning', () => {
  expect(reported).toEqual([]);
});
