import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer as createHttpsServer } from 'node:https';
import { type Socket, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { systemClock } from '../../../src/platform/runtime/clock.ts';
import type { ObjectStore, ObjectToPut, S3StoreSettings } from '../../../src/platform/s3/index.ts';
import { openS3Store } from '../../../src/platform/s3/s3.ts';
import { s3Error, startFaultServer } from '../../support/fault-server.ts';
import { portOf } from '../../support/ports.ts';
import { settingsFor, writeRecording } from '../../support/s3.ts';

// What servers and proxies do that HTTP allows, or nearly: none of it is a recording's failure.

const never = new AbortController().signal;
const OK = 'HTTP/1.1 200 OK\r\nETag: "e"\r\nContent-Length: 0\r\n\r\n';
const IDLE = 'HTTP/1.1 408 Request Time-out\r\nConnection: close\r\nContent-Length: 0\r\n\r\n';
const LIST = '<ListBucketResult><IsTruncated>false</IsTruncated></ListBucketResult>';

let dir: string;
let small: ObjectToPut;
let store: ObjectStore | undefined;

beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'wavspool-http-'));
  small = await writeRecording(dir, 'small.wav', Buffer.alloc(200_000, 1));
});
afterEach(() => {
  store?.close();
  store = undefined;
});
afterAll(() => rmSync(dir, { recursive: true }));

function open(endpoint: string, changes: Partial<S3StoreSettings> = {}): ObjectStore {
  const address = { endpoint, accessKeyId: 'id', secretAccessKey: 'secret' };
  store = openS3Store(settingsFor(address, changes), () => undefined, systemClock);
  return store;
}

/** What has been asked on a connection so far, counting from 0, each request once it is whole. */
type Act = (socket: Socket, request: number, connection: number) => void;

/** An HTTP server to the byte: `act` is called for each whole request, `head` for each head of one. */
async function startRaw(act: Act, head: (socket: Socket) => void = () => undefined) {
  let connections = 0;
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    const connection = connections;
    connections += 1;
    sockets.add(socket);
    socket.on('error', () => socket.destroy());
    let requests = 0;
    let received = Buffer.alloc(0);
    let seenHead = false;
    socket.on('data', (bytes: Buffer) => {
      received = Buffer.concat([received, bytes]);
      const end = received.indexOf('\r\n\r\n');
      if (end === -1) return;
      if (!seenHead) head(socket);
      seenHead = true;
      const length = Number(
        /^content-length: *(\d+)/im.exec(received.subarray(0, end).toString('latin1'))?.[1] ?? 0,
      );
      if (received.length < end + 4 + length) return;
      received = Buffer.alloc(0);
      seenHead = false;
      act(socket, requests, connection);
      requests += 1;
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    endpoint: `http://127.0.0.1:${portOf(server)}`,
    connections: () => connections,
    [Symbol.asyncDispose]: async () => {
      server.close();
      for (const socket of sockets) socket.destroy();
      await once(server, 'close');
    },
  };
}

test('P7: an unasked 100 Continue is passed over, and its store spoken to without a second try', async () => {
  let whole = 0;
  await using server = await startRaw(
    (socket) => {
      whole += 1;
      socket.write(OK);
    },
    (socket) => socket.write('HTTP/1.1 100 Continue\r\n\r\n'),
  );
  const bucket = open(server.endpoint);
  for (let i = 0; i < 3; i += 1)
    expect(await bucket.putIfAbsent(small, never)).toMatchObject({ etag: '"e"' });
  expect(whole).toBeLessThanOrEqual(4);
});

const answersOnce: Act = (socket, request) => {
  if (request === 0) socket.write(OK);
  else socket.destroy();
};
const idlesOut: Act = (socket, request) => {
  if (request === 0) socket.write(OK);
  else socket.end(IDLE);
};

describe('P7: a kept connection that is none any more costs nothing', () => {
  test.each([
    ['it was closed', answersOnce],
    ['it was given up as idle', idlesOut],
  ])('%s', async (_, act) => {
    await using server = await startRaw(act);
    const bucket = open(server.endpoint);
    for (let i = 0; i < 4; i += 1)
      expect(await bucket.putIfAbsent(small, never)).toMatchObject({ etag: '"e"' });
    for (let i = 0; i < 4; i += 1) expect(await bucket.head('k', never)).toMatchObject({ etag: '"e"' });
  });

  test('once more, not more often', async () => {
    await using server = await startRaw((socket) => socket.destroy());
    const bucket = open(server.endpoint);
    await expect(bucket.putIfAbsent(small, never)).rejects.toMatchObject({ code: 'CONNECTION_LOST' });
    expect(server.connections()).toBe(2);
    await expect(bucket.head('k', never)).rejects.toMatchObject({ code: 'CONNECTION_LOST' });
    expect(server.connections()).toBe(4);
  });
});

test('an answer that comes before the body is read is the answer', async () => {
  const body = '<?xml version="1.0"?><Error><Code>KeyTooLongError</Code><Message>m</Message></Error>';
  await using server = await startRaw(
    () => undefined,
    (socket) => {
      socket.end(
        `HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
      );
    },
  );
  const bucket = open(server.endpoint);
  for (let i = 0; i < 20; i += 1)
    await expect(bucket.putIfAbsent(small, never)).rejects.toMatchObject({ code: 'OBJECT_REJECTED' });
});

test('an error that is compressed unasked is read', async () => {
  await using server = await startFaultServer();
  const xml = '<?xml version="1.0"?><Error><Code>SlowDown</Code><Message>m</Message></Error>';
  const packed = gzipSync(xml).toString('latin1');
  await using raw = await startRaw((socket) => {
    const head = `HTTP/1.1 503 Slow Down\r\nContent-Type: application/xml\r\nContent-Encoding: gzip\r\nContent-Length: ${packed.length}\r\n\r\n`;
    socket.write(Buffer.from(head + packed, 'latin1'));
  });
  const bucket = open(raw.endpoint);
  await expect(bucket.putIfAbsent(small, never)).rejects.toMatchObject({ code: 'STORE_THROTTLED' });
  await expect(bucket.check(never)).rejects.toMatchObject({ code: 'STORE_THROTTLED' });
  store?.close();
  server.behave({ kind: 'answer', status: 403, body: 'not gzip', headers: { 'content-encoding': 'gzip' } });
  await expect(open(server.endpoint).putIfAbsent(small, never)).rejects.toMatchObject({
    code: 'STORE_NOT_S3',
  });
});

test('P7: credentials that were refused are looked for again before the next request', async () => {
  await using server = await startFaultServer();
  const file = join(dir, 'credentials');
  const write = (id: string): void =>
    writeFileSync(file, `[default]\naws_access_key_id = ${id}\naws_secret_access_key = s\n`);
  for (const name of ['AWS_PROFILE', 'AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY'])
    vi.stubEnv(name, undefined);
  vi.stubEnv('AWS_SHARED_CREDENTIALS_FILE', file);
  vi.stubEnv('AWS_CONFIG_FILE', join(dir, 'no-config'));
  vi.stubEnv('AWS_EC2_METADATA_DISABLED', 'true');
  try {
    write('first');
    let valid = 'first';
    server.behave(({ headers, target }) => {
      if (!headers.authorization?.includes(`Credential=${valid}/`)) return s3Error(403, 'InvalidAccessKeyId');
      return {
        kind: 'answer',
        status: 200,
        headers: { etag: '"e"' },
        body: target.includes('list-type') ? LIST : '',
      };
    });
    const bucket = open(server.endpoint, { accessKeyId: undefined, secretAccessKey: undefined });
    await bucket.putIfAbsent(small, never);
    write('second');
    valid = 'second';
    await expect(bucket.putIfAbsent(small, never)).rejects.toMatchObject({ code: 'STORE_CREDENTIALS' });
    await bucket.check(never); // the probe
    await bucket.putIfAbsent(small, never);
  } finally {
    vi.unstubAllEnvs();
  }
});

const openssl = (...args: string[]): void => void execFileSync('openssl', args, { cwd: dir, stdio: 'pipe' });

describe('a store with a private certificate authority', () => {
  test('s3.ca admits it, and nothing else changes', async () => {
    openssl(
      'req',
      '-x509',
      '-newkey',
      'rsa:2048',
      '-nodes',
      '-days',
      '2',
      '-subj',
      '/CN=wavspool test CA',
      '-keyout',
      'ca.key',
      '-out',
      'ca.pem',
    );
    openssl(
      'req',
      '-newkey',
      'rsa:2048',
      '-nodes',
      '-subj',
      '/CN=localhost',
      '-keyout',
      'server.key',
      '-out',
      'server.csr',
    );
    writeFileSync(join(dir, 'san'), 'subjectAltName=DNS:localhost,IP:127.0.0.1\n');
    openssl(
      'x509',
      '-req',
      '-in',
      'server.csr',
      '-CA',
      'ca.pem',
      '-CAkey',
      'ca.key',
      '-CAcreateserial',
      '-days',
      '2',
      '-extfile',
      'san',
      '-out',
      'server.pem',
    );
    const server = createHttpsServer(
      { key: readFileSync(join(dir, 'server.key')), cert: readFileSync(join(dir, 'server.pem')) },
      (request, response) => {
        request.resume().on('end', () => {
          response.setHeader('etag', '"e"').end(request.url?.includes('list-type') === true ? LIST : '');
        });
      },
    ).listen(0, '127.0.0.1');
    await once(server, 'listening');
    try {
      const endpoint = `https://localhost:${portOf(server)}`;
      const stranger = open(endpoint);
      await expect(stranger.putIfAbsent(small, never)).rejects.toMatchObject({ code: 'STORE_UNREACHABLE' });
      await expect(stranger.check(never)).rejects.toMatchObject({ code: 'STORE_UNREACHABLE' });
      stranger.close();
      const known = open(endpoint, { ca: join(dir, 'ca.pem') });
      await known.check(never);
      expect(await known.putIfAbsent(small, never)).toMatchObject({ etag: '"e"' });
    } finally {
      server.closeAllConnections();
      server.close();
    }
  });

  test('a file that is not there or holds no certificate is a fault of the settings', () => {
    expect(() => open('https://localhost', { ca: join(dir, 'nothing.pem') })).toThrow(
      /s3\.ca: .*nothing\.pem cannot be read/,
    );
    writeFileSync(join(dir, 'empty.pem'), 'hello');
    expect(() => open('https://localhost', { ca: join(dir, 'empty.pem') })).toThrow(/holds no certificate/);
  });
});
