import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Report } from '../../../../src/domain/events.ts';
import { type Clock, systemClock } from '../../../../src/platform/runtime/clock.ts';
import type { ObjectStore, ObjectToPut } from '../../../../src/platform/s3/index.ts';
import { openS3Store } from '../../../../src/platform/s3/s3.ts';
import {
  type Fault,
  type FaultServer,
  page,
  s3Error,
  startFaultServer,
} from '../../../support/fault-server.ts';
import { freePort } from '../../../support/ports.ts';
import { settingsFor, writeRecording } from '../../../support/s3.ts';

const MIB = 1024 * 1024;
const never = new AbortController().signal;
const OK: Fault = { kind: 'answer', status: 200, headers: { etag: '"e"' } };

let dir: string;
let server: FaultServer;
let small: ObjectToPut;
let reported: string[];

const report: Report = (event) => void reported.push(event);

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'wavspool-answers-'));
  server = await startFaultServer();
  small = await writeRecording(dir, 'small.wav', Buffer.alloc(200_000, 1));
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
  await rm(dir, { recursive: true });
});
beforeEach(() => {
  reported = [];
});

function open(changes: { endpoint?: string; requestMs?: number; clock?: Clock } = {}): ObjectStore {
  const { endpoint = server.endpoint, requestMs = 20_000, clock = systemClock } = changes;
  return openS3Store(
    settingsFor(
      { endpoint, accessKeyId: 'the-key-id', secretAccessKey: 'the-secret' },
      { patience: { connectMs: 1_000, requestMs, minBytesPerSecond: MIB } },
    ),
    report,
    clock,
  );
}

function headOf(object: ObjectToPut): Fault {
  const headers = { etag: '"there"', 'content-length': object.size, 'x-amz-meta-sha256': object.sha256 };
  return { kind: 'answer', status: 200, headers };
}

describe('each answer to a PUT becomes its fault', () => {
  test.each<[string, Fault, string]>([
    ['503 SlowDown', s3Error(503, 'SlowDown'), 'STORE_THROTTLED'],
    ['503 ServiceUnavailable', s3Error(503, 'ServiceUnavailable'), 'STORE_FAILING'],
    ['503 without a body', { kind: 'answer', status: 503 }, 'STORE_FAILING'],
    ['503 of a proxy', page(503, 'Service Unavailable'), 'STORE_FAILING'],
    ['429 TooManyRequests', s3Error(429, 'TooManyRequests'), 'STORE_THROTTLED'],
    ['500 InternalError', s3Error(500, 'InternalError'), 'STORE_ERROR'],
    ['502 of a proxy', page(502, 'Bad Gateway'), 'STORE_ERROR'],
    ['504 of a proxy', page(504, 'Gateway Timeout'), 'STORE_ERROR'],
    ['200 with an error in it', s3Error(200, 'InternalError'), 'STORE_ERROR'],
    ['409 ConditionalRequestConflict', s3Error(409, 'ConditionalRequestConflict'), 'STORE_ERROR'],
    ['403 AccessDenied', s3Error(403, 'AccessDenied'), 'STORE_CREDENTIALS'],
    ['403 SignatureDoesNotMatch', s3Error(403, 'SignatureDoesNotMatch'), 'STORE_CREDENTIALS'],
    ['403 RequestTimeTooSkewed', s3Error(403, 'RequestTimeTooSkewed'), 'STORE_CREDENTIALS'],
    ['403 InvalidAccessKeyId', s3Error(403, 'InvalidAccessKeyId'), 'STORE_CREDENTIALS'],
    ['400 ExpiredToken', s3Error(400, 'ExpiredToken'), 'STORE_CREDENTIALS'],
    ['403 without a body', { kind: 'answer', status: 403 }, 'STORE_CREDENTIALS'],
    ['403 QuotaExceeded', s3Error(403, 'QuotaExceeded'), 'STORE_FULL'],
    ['507 of a proxy', page(507, 'Insufficient Storage'), 'STORE_FULL'],
    ['404 NoSuchBucket', s3Error(404, 'NoSuchBucket'), 'STORE_BUCKET'],
    [
      '301 PermanentRedirect',
      s3Error(301, 'PermanentRedirect', { 'x-amz-bucket-region': 'eu-west-1' }),
      'STORE_BUCKET',
    ],
    ['404 of a web server', page(404, 'Not Found'), 'STORE_NOT_S3'],
    ['200 of a login page', page(200, 'Please log in'), 'STORE_NOT_S3'],
    ['204', { kind: 'answer', status: 204 }, 'STORE_NOT_S3'],
    ['302 to a login page', { kind: 'answer', status: 302, headers: { location: '/login' } }, 'STORE_NOT_S3'],
    ['405 MethodNotAllowed', s3Error(405, 'MethodNotAllowed'), 'STORE_NOT_S3'],
    ['no HTTP at all', { kind: 'garbage' }, 'STORE_NOT_S3'],
    ['400 BadDigest', s3Error(400, 'BadDigest'), 'HASH_REFUSED'],
    ['400 XAmzContentSHA256Mismatch', s3Error(400, 'XAmzContentSHA256Mismatch'), 'HASH_REFUSED'],
    ['400 KeyTooLongError', s3Error(400, 'KeyTooLongError'), 'OBJECT_REJECTED'],
    ['400 InvalidArgument', s3Error(400, 'InvalidArgument'), 'OBJECT_REJECTED'],
    ['400 EntityTooLarge', s3Error(400, 'EntityTooLarge'), 'OBJECT_REJECTED'],
    ['413 of a proxy', page(413, 'Request Entity Too Large'), 'OBJECT_REJECTED'],
    ['400 RequestTimeout', s3Error(400, 'RequestTimeout'), 'REQUEST_TIMEOUT'],
    ['reset in the request', { kind: 'reset in the request' }, 'CONNECTION_LOST'],
    ['reset before the answer', { kind: 'reset before the answer' }, 'CONNECTION_LOST'],
  ])('P7: %s', async (_answer, fault, code) => {
    const before = server.seen.length;
    server.behave(fault);
    const store = open();
    await expect(store.putIfAbsent(small, never)).rejects.toMatchObject({
      code,
      message: expect.stringMatching(/^PUT small\.wav \(http:\/\/127\.0\.0\.1:\d+\/bucket\): /),
    });
    // the queue alone retries, but for what may have been a kept connection that was closed
    expect(server.seen.length - before).toBe(code === 'CONNECTION_LOST' ? 2 : 1);
    store.close();
  });

  test('P7: no server listens', async () => {
    const store = open({ endpoint: `http://127.0.0.1:${await freePort()}` });
    await expect(store.putIfAbsent(small, never)).rejects.toMatchObject({ code: 'STORE_UNREACHABLE' });
  });

  test('P7: a name that does not exist', async () => {
    const store = open({ endpoint: 'http://store.invalid' });
    await expect(store.putIfAbsent(small, never)).rejects.toMatchObject({ code: 'STORE_UNREACHABLE' });
  });

  test('a hang ends with the request timeout of the client', async () => {
    server.behave({ kind: 'hang' });
    const store = open({ requestMs: 50 });
    await expect(store.check(never)).rejects.toMatchObject({ code: 'REQUEST_TIMEOUT' });
    store.close();
  });

  test('a hang ends with our own deadline as well, which no library can forget', async () => {
    const asked = Promise.withResolvers<void>();
    server.behave(() => {
      asked.resolve();
      return { kind: 'hang' };
    });
    const slept: number[] = [];
    const clock: Clock = {
      ...systemClock,
      sleep: (ms) => {
        slept.push(ms);
        return asked.promise;
      },
    };
    const store = open({ clock });
    await expect(store.putIfAbsent(small, never)).rejects.toMatchObject({ code: 'REQUEST_TIMEOUT' });
    expect(slept).toEqual([20_000 + Math.ceil((small.size / MIB) * 1000) + 1_000]); // it grows with the size
    store.close();
  });

  test('the caller’s abort comes back as it is', async () => {
    const giveUp = new AbortController();
    const reason = new Error('shutting down');
    server.behave(() => {
      giveUp.abort(reason);
      return { kind: 'hang' };
    });
    const store = open();
    await expect(store.putIfAbsent(small, giveUp.signal)).rejects.toBe(reason);
    await expect(store.head('k', giveUp.signal)).rejects.toBe(reason);
    store.close();
  });

  test('P9: no message and no cause holds a credential', async () => {
    server.behave(s3Error(403, 'SignatureDoesNotMatch'));
    const store = open({ endpoint: server.endpoint.replace('//', '//user:the-password@') });
    const error = await store.putIfAbsent(small, never).catch((error: unknown) => error);
    const text = JSON.stringify(error, Object.getOwnPropertyNames(error)) + String(error);
    expect(text).toContain('SignatureDoesNotMatch');
    for (const secret of ['the-key-id', 'the-secret', 'the-password']) expect(text).not.toContain(secret);
    store.close();
  });
});

describe('what goes over the wire', () => {
  test('P4: a plain PUT with the recording’s hash as signed payload hash, and conditional', async () => {
    server.behave(OK);
    const store = open();
    const receipt = await store.putIfAbsent(small, never);
    expect(receipt).toEqual({ etag: '"e"', versionId: undefined, alreadyThere: false });
    const { headers, bytes } = server.seen.at(-1) ?? { headers: {} };
    expect(bytes).toBe(small.size);
    expect(headers).toMatchObject({
      'content-length': String(small.size),
      'content-type': 'audio/wav',
      'if-none-match': '*',
      'x-amz-content-sha256': small.sha256,
      'x-amz-meta-sha256': small.sha256,
      'x-amz-meta-tar': 'a%20b.tar',
    });
    expect(headers.authorization).toContain('x-amz-content-sha256');
    for (const name of [
      'expect',
      'transfer-encoding',
      'x-amz-storage-class',
      'x-amz-server-side-encryption',
    ]) {
      expect(headers).not.toHaveProperty(name);
    }
    expect(Object.keys(headers).filter((name) => name.startsWith('x-amz-checksum'))).toEqual([]);
    store.close();
  });
});

describe('a body that breaks off', () => {
  test('a GET that ends early is a lost connection, after what came', async () => {
    server.behave({ kind: 'reset in the answer', body: 'x'.repeat(1000) });
    const store = open();
    const read = async (): Promise<void> => {
      for await (const chunk of await store.get('k', never)) expect(chunk.length).toBeGreaterThan(0);
    };
    await expect(read()).rejects.toMatchObject({ code: 'CONNECTION_LOST' });
    store.close();
  });

  test('a login page is no object', async () => {
    server.behave(page(200, 'Please log in'));
    const store = open();
    await expect(store.get('k', never)).rejects.toMatchObject({ code: 'STORE_NOT_S3' });
    await expect(store.head('k', never)).rejects.toMatchObject({ code: 'STORE_NOT_S3' });
    await expect(store.check(never)).rejects.toMatchObject({ code: 'STORE_NOT_S3' });
    store.close();
  });
});

describe('a store without conditional PUT', () => {
  test('P5: is asked with HEAD instead, and reported once', async () => {
    const before = server.seen.length;
    server.behave(({ method, headers }) => {
      if (method === 'HEAD') return { kind: 'answer', status: 404 };
      return headers['if-none-match'] === undefined ? OK : s3Error(501, 'NotImplemented');
    });
    const store = open();
    await store.putIfAbsent(small, never);
    await store.putIfAbsent(small, never);
    expect(server.seen.slice(before).map(({ method }) => method)).toEqual([
      'PUT',
      'HEAD',
      'PUT',
      'HEAD',
      'PUT',
    ]);
    expect(reported).toEqual(['store lacks conditional put']);
    store.close();
  });

  test('P5: is not overwritten', async () => {
    server.behave(({ method }) =>
      method === 'HEAD' ? headOf({ ...small, sha256: 'cd'.repeat(32) }) : s3Error(501, 'NotImplemented'),
    );
    const store = open();
    await expect(store.putIfAbsent(small, never)).rejects.toMatchObject({ code: 'KEY_TAKEN' });
    store.close();
  });

  test('a 501 that has nothing to do with the condition is not remembered', async () => {
    server.behave(({ method }) =>
      method === 'HEAD' ? { kind: 'answer', status: 404 } : s3Error(501, 'NotImplemented'),
    );
    const store = open();
    await expect(store.putIfAbsent(small, never)).rejects.toMatchObject({ code: 'STORE_NOT_S3' });
    expect(reported).toEqual([]);
    server.behave(OK);
    await store.putIfAbsent(small, never);
    expect(server.seen.at(-1)?.headers).toHaveProperty('if-none-match');
    store.close();
  });
});

describe('a 412', () => {
  test('P5: with the same object there is a receipt: the answer to our own PUT may have been lost', async () => {
    server.behave(({ method }) => (method === 'HEAD' ? headOf(small) : s3Error(412, 'PreconditionFailed')));
    const store = open();
    expect(await store.putIfAbsent(small, never)).toMatchObject({ alreadyThere: true, etag: '"there"' });
    store.close();
  });

  test('P5: with an object of unknown hash there is settled by its bytes', async () => {
    const bytes = Buffer.alloc(small.size, 1).toString('latin1');
    server.behave(({ method }) => {
      if (method === 'HEAD')
        return { kind: 'answer', status: 200, headers: { etag: '"x"', 'content-length': small.size } };
      return method === 'GET'
        ? { kind: 'answer', status: 200, body: bytes, headers: { etag: '"x"' } }
        : s3Error(412, 'PreconditionFailed');
    });
    const store = open();
    expect(await store.putIfAbsent(small, never)).toMatchObject({ alreadyThere: true });
    store.close();
  });

  test('with nothing there is tried again', async () => {
    server.behave(({ method }) =>
      method === 'HEAD' ? { kind: 'answer', status: 404 } : s3Error(412, 'PreconditionFailed'),
    );
    const store = open();
    await expect(store.putIfAbsent(small, never)).rejects.toMatchObject({ code: 'STORE_ERROR' });
    store.close();
  });
});
