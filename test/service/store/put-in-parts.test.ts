import { hash } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Report } from '../../../src/domain/events.ts';
import { systemClock } from '../../../src/platform/runtime/clock.ts';
import type { ObjectStore, ObjectToPut } from '../../../src/platform/s3/index.ts';
import { openS3Store } from '../../../src/platform/s3/s3.ts';
import {
  type Fault,
  type FaultServer,
  type Operation,
  type SeenRequest,
  operationOf,
  page,
  s3Error,
  startFaultServer,
} from '../../support/fault-server.ts';
import { settingsFor, writeRecording } from '../../support/s3.ts';

const MIB = 1024 * 1024;
const never = new AbortController().signal;
const OK: Fault = { kind: 'answer', status: 200, headers: { etag: '"e"' } };

let dir: string;
let server: FaultServer;
let large: ObjectToPut;
let reported: string[];

const report: Report = (event) => void reported.push(event);

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'wavspool-parts-'));
  server = await startFaultServer();
  large = await writeRecording(dir, 'large.wav', Buffer.alloc(11 * MIB, 2));
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
  await rm(dir, { recursive: true });
});
beforeEach(() => {
  reported = [];
});

function open(): ObjectStore {
  const address = { endpoint: server.endpoint, accessKeyId: 'the-key-id', secretAccessKey: 'the-secret' };
  return openS3Store(settingsFor(address), report, systemClock);
}

/** Requests since `from`, as `METHOD operation`. */
function calls(from: number): string[] {
  return server.seen.slice(from).map((request) => `${request.method} ${operationOf(request)}`);
}

/** Answers a multipart upload as S3 does, but for `differently`. The object is there once a Complete was answered well. */
function multipart(differently: Partial<Record<Operation, Fault>>): (request: SeenRequest) => Fault {
  let there = false;
  return (request) => {
    const kind = operationOf(request);
    if (kind === 'complete' && differently.complete === undefined) there = true;
    const usual: Record<Operation, Fault> = {
      create: xml('<InitiateMultipartUploadResult><UploadId>U</UploadId></InitiateMultipartUploadResult>'),
      part: OK,
      complete: xml(
        '<CompleteMultipartUploadResult><Key>k</Key><ETag></ETag></CompleteMultipartUploadResult>',
      ),
      abort: { kind: 'answer', status: 204 },
      object: there ? headOf(large) : { kind: 'answer', status: 404 },
      list: { kind: 'hang' },
    };
    return differently[kind] ?? usual[kind];
  };
}

function xml(body: string): Fault {
  return { kind: 'answer', status: 200, body: `<?xml version="1.0"?>${body}` };
}

function headOf(object: ObjectToPut): Fault {
  const headers = { etag: '"there"', 'content-length': object.size, 'x-amz-meta-sha256': object.sha256 };
  return { kind: 'answer', status: 200, headers };
}

describe('a multipart upload', () => {
  test('P4: looks first, sends each part with its own hash, completes conditionally, looks again', async () => {
    const before = server.seen.length;
    server.behave(multipart({}));
    const store = open();
    expect(await store.putIfAbsent(large, never)).toEqual({
      etag: '"there"',
      versionId: undefined,
      alreadyThere: false,
    });
    expect(calls(before)).toEqual([
      'HEAD object',
      'POST create',
      'PUT part',
      'PUT part',
      'PUT part',
      'HEAD object',
      'POST complete',
      'HEAD object',
    ]);
    const seen = server.seen.slice(before);
    const parts = seen
      .filter((request) => operationOf(request) === 'part')
      .toSorted((a, b) => b.bytes - a.bytes);
    expect(parts.map((part) => [part.bytes, part.headers['x-amz-content-sha256']])).toEqual(
      [5 * MIB, 5 * MIB, MIB].map((bytes) => [bytes, hash('sha256', Buffer.alloc(bytes, 2), 'hex')]),
    );
    expect(seen[1]?.headers).toMatchObject({ 'x-amz-meta-sha256': large.sha256 });
    expect(seen[6]?.headers).toMatchObject({ 'if-none-match': '*' });
    store.close();
  });

  test.each<[string, Partial<Record<Operation, Fault>>, string]>([
    ['a part fails', { part: s3Error(500, 'InternalError') }, 'STORE_ERROR'],
    ['a part is answered by a login page', { part: page(200, 'Please log in') }, 'STORE_NOT_S3'],
    ['the Complete is refused', { complete: s3Error(400, 'InvalidPart') }, 'STORE_ERROR'],
  ])('is aborted when %s', async (_what, differently, code) => {
    const before = server.seen.length;
    server.behave(multipart(differently));
    const store = open();
    await expect(store.putIfAbsent(large, never)).rejects.toMatchObject({ code });
    expect(calls(before).at(-1)).toBe('DELETE abort');
    expect(reported).toEqual([]);
    store.close();
  });

  test('P1: is left alone when it is not known how the Complete ended: an abort could take its parts', async () => {
    const before = server.seen.length;
    for (const fault of [{ kind: 'reset before the answer' }, s3Error(200, 'InternalError')] as const) {
      server.behave(multipart({ complete: fault }));
      const store = open();
      await expect(store.putIfAbsent(large, never)).rejects.toThrow(/complete the multipart upload/);
      store.close();
    }
    expect(calls(before)).not.toContain('DELETE abort');
    expect(reported).toEqual(['multipart upload left behind', 'multipart upload left behind']);
  });

  test('says so when it cannot be aborted, and fails for what went wrong first', async () => {
    server.behave(multipart({ part: s3Error(503, 'SlowDown'), abort: s3Error(403, 'AccessDenied') }));
    const store = open();
    await expect(store.putIfAbsent(large, never)).rejects.toMatchObject({ code: 'STORE_THROTTLED' });
    expect(reported).toEqual(['multipart upload left behind']);
    store.close();
  });

  test('is not begun when the same object is there', async () => {
    const before = server.seen.length;
    server.behave(() => headOf(large));
    const store = open();
    expect(await store.putIfAbsent(large, never)).toMatchObject({ alreadyThere: true });
    expect(calls(before)).toEqual(['HEAD object']);
    store.close();
  });

  test('P5: that is overtaken while its parts are sent does not complete, and is aborted', async () => {
    const before = server.seen.length;
    let heads = 0;
    const usual = multipart({});
    server.behave((request) => {
      if (request.method === 'HEAD') heads += 1;
      return heads > 1 && request.method === 'HEAD'
        ? headOf({ ...large, sha256: 'cd'.repeat(32) })
        : usual(request);
    });
    const store = open();
    await expect(store.putIfAbsent(large, never)).rejects.toMatchObject({ code: 'KEY_TAKEN' });
    expect(calls(before).slice(-2)).toEqual(['HEAD object', 'DELETE abort']);
    store.close();
  });

  test('P5: that loses the race at its Complete ends as a PUT does', async () => {
    const before = server.seen.length;
    let heads = 0;
    const usual = multipart({ complete: s3Error(412, 'PreconditionFailed') });
    server.behave((request) => {
      if (request.method === 'HEAD') heads += 1;
      return request.method === 'HEAD' && heads > 2 ? headOf(large) : usual(request);
    });
    const store = open();
    expect(await store.putIfAbsent(large, never)).toMatchObject({ alreadyThere: true });
    expect(calls(before).slice(-2)).toEqual(['DELETE abort', 'HEAD object']);
    store.close();
  });

  test('is done again without the condition where the store does not know it', async () => {
    let condition = true;
    const usual = multipart({});
    server.behave((request) => {
      if (operationOf(request) !== 'complete') return usual(request);
      condition = request.headers['if-none-match'] !== undefined;
      return condition ? s3Error(501, 'NotImplemented') : usual(request);
    });
    const store = open();
    expect(await store.putIfAbsent(large, never)).toMatchObject({ alreadyThere: false });
    expect(condition).toBe(false);
    expect(reported).toEqual(['store lacks conditional put']);
    store.close();
  });

  test('P4: is an error when the store then holds an object of another size', async () => {
    const usual = multipart({});
    let heads = 0;
    server.behave((request) => {
      if (request.method === 'HEAD') heads += 1;
      return heads > 2 ? headOf({ ...large, size: large.size - 1 }) : usual(request);
    });
    const store = open();
    await expect(store.putIfAbsent(large, never)).rejects.toMatchObject({ code: 'STORE_ERROR' });
    store.close();
  });
});
