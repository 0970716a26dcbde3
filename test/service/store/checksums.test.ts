import { hash } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { systemClock } from '../../../src/platform/runtime/clock.ts';
import type { ObjectStore, ObjectToPut } from '../../../src/platform/s3/index.ts';
import { openS3Store } from '../../../src/platform/s3/s3.ts';
import {
  operationOf,
  s3Error,
  startFaultServer,
  type Fault,
  type FaultServer,
  type SeenRequest,
} from '../../support/fault-server.ts';
import { settingsFor, writeRecording } from '../../support/s3.ts';

// A bucket with Object Lock and a default retention refuses each body without a checksum, whoever sends it.

const MIB = 1024 * 1024;
const never = new AbortController().signal;
const DEMAND = s3Error(400, 'InvalidRequest');

let dir: string;
let server: FaultServer;
let small: ObjectToPut;
let large: ObjectToPut;

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'wavspool-checksums-'));
  server = await startFaultServer();
  small = await writeRecording(dir, 'small.wav', Buffer.alloc(20_000, 1));
  large = await writeRecording(dir, 'large.wav', Buffer.alloc(11 * MIB, 2));
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
  await rm(dir, { recursive: true });
});

const open = (checksum: 'auto' | 'sha256' | 'md5' | 'none'): ObjectStore => {
  const address = { endpoint: server.endpoint, accessKeyId: 'id', secretAccessKey: 'secret' };
  return openS3Store(settingsFor(address, { checksum }), () => undefined, systemClock);
};

const md5 = ({ headers }: SeenRequest): unknown => headers['content-md5'];
const sha256 = ({ headers }: SeenRequest): unknown => headers['x-amz-checksum-sha256'];

const xml = (body: string): Fault => ({ kind: 'answer', status: 200, body, headers: { etag: '"e"' } });

/** A bucket that takes bodies of which this is true, and multipart uploads. */
function bucket(takes: (request: SeenRequest) => boolean): (request: SeenRequest) => Fault {
  let completed = false;
  return (request) => {
    switch (operationOf(request)) {
      case 'create':
        return xml('<InitiateMultipartUploadResult><UploadId>u</UploadId></InitiateMultipartUploadResult>');
      case 'complete':
        completed = true;
        return xml('<CompleteMultipartUploadResult><Key>large.wav</Key></CompleteMultipartUploadResult>');
      case 'abort':
        return { kind: 'answer', status: 204 };
      case 'list':
        return xml('<ListBucketResult><IsTruncated>false</IsTruncated></ListBucketResult>');
      case 'part':
      case 'object':
        break;
    }
    if (request.method === 'HEAD' && !completed) return { kind: 'answer', status: 404 };
    if (request.method === 'HEAD') {
      const headers = { etag: '"e-3"', 'content-length': large.size, 'x-amz-meta-sha256': large.sha256 };
      return { kind: 'answer', status: 200, headers };
    }
    if (request.method !== 'PUT') return { kind: 'answer', status: 204 };
    return takes(request) ? { kind: 'answer', status: 200, headers: { etag: '"e"' } } : DEMAND;
  };
}

const bodies = (since: number): SeenRequest[] =>
  server.seen.slice(since).filter(({ method }) => method === 'PUT');

test('P7: auto sends none until the bucket demands one, then Content-MD5, with parts and probes too', async () => {
  server.behave(bucket((request) => md5(request) !== undefined));
  const store = open('auto');
  const before = server.seen.length;
  await store.putIfAbsent(small, never);
  await store.putIfAbsent(small, never);
  await store.putIfAbsent(large, never);
  await store.checkBody(1000, never);
  await store.checkWrite(never);
  const [first, ...others] = bodies(before);
  expect(md5(first!)).toBeUndefined();
  expect(others.every((request) => md5(request) !== undefined)).toBe(true);
  expect(md5(others[0]!)).toBe(hash('md5', Buffer.alloc(20_000, 1), 'base64'));
  expect(others.filter((request) => operationOf(request) === 'part')).toHaveLength(3);
  const [put] = await store.probe(never);
  expect(put).toMatchObject({ ok: true, found: 'stored, with Content-MD5' });
  store.close();
});

test('auto that begins with a recording in parts learns it there, and leaves nothing behind', async () => {
  server.behave(bucket((request) => md5(request) !== undefined));
  const store = open('auto');
  const before = server.seen.length;
  await store.putIfAbsent(large, never);
  const operations = server.seen.slice(before).map(operationOf);
  expect(operations.filter((one) => one === 'create')).toHaveLength(2);
  expect(operations.filter((one) => one === 'abort')).toHaveLength(1);
  store.close();
});

test('auto sends the SHA-256 where Content-MD5 is not enough; parts have it announced and repeated', async () => {
  const before = server.seen.length;
  server.behave(bucket((request) => sha256(request) !== undefined));
  const store = open('auto');
  await store.putIfAbsent(small, never);
  await store.putIfAbsent(large, never);
  const created = server.seen.slice(before).filter((request) => operationOf(request) === 'create');
  expect(created.map(({ headers }) => headers['x-amz-checksum-algorithm'])).toEqual(['SHA256']);
  expect(sha256(bodies(before).at(-1)!)).toBeDefined();
  store.close();
});

test.each(['sha256', 'md5', 'none'] as const)(
  '%s is sent as it is set, and a refusal is a refusal',
  async (checksum) => {
    server.behave(bucket(() => true));
    const store = open(checksum);
    const before = server.seen.length;
    await store.putIfAbsent(small, never);
    await store.putIfAbsent(large, never);
    for (const request of bodies(before)) {
      expect(md5(request) !== undefined).toBe(checksum === 'md5');
      expect(sha256(request) !== undefined).toBe(checksum === 'sha256');
    }
    server.behave(bucket(() => false));
    const after = server.seen.length;
    await expect(store.putIfAbsent(small, never)).rejects.toMatchObject({ code: 'OBJECT_REJECTED' });
    expect(bodies(after)).toHaveLength(1);
    store.close();
  },
);

test('auto that no checksum helps ends with what was refused first, and remembers nothing', async () => {
  server.behave(bucket(() => false));
  const store = open('auto');
  await expect(store.putIfAbsent(small, never)).rejects.toMatchObject({
    code: 'OBJECT_REJECTED',
    s3Code: 'InvalidRequest',
  });
  server.behave(bucket(() => true));
  await store.putIfAbsent(small, never);
  expect(md5(server.seen.at(-1)!)).toBeUndefined();
  store.close();
});
