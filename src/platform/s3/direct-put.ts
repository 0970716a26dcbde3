import { Readable } from 'node:stream';
import { PutObjectCommand, S3Client, type S3ClientConfig } from '@aws-sdk/client-s3';
import { HttpRequest, HttpResponse, extendedEncodeURIComponent } from '@smithy/core/protocols';
import { Pool, buildConnector, type Dispatcher } from 'undici';
import { messageOf } from '../../domain/faults.ts';
import { isoTime, systemClock } from '../runtime/index.ts';
import { type RequestHandler, isLost, unpackerFor } from './request-handler.ts';
import { createPutSigner, type PutToSign } from './sign-put.ts';

/** An object in one request: its headers but for those that every request has, and its bytes. */
export interface DirectPut {
  readonly key: string;
  /** In lower case. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
  /** Lower-case hex; goes as the signed payload hash (P4). */
  readonly sha256: string;
}

export interface PutAnswer {
  readonly etag: string | undefined;
  readonly versionId: string | undefined;
}

export interface DirectPuts {
  /** Begins to find out what the first PUT needs to know. */
  prepare(): void;
  /** Rejects with the SDK's error for what was answered, with undici's or the system's for what was not, or with the signal's reason. */
  put(request: DirectPut, timeoutMs: number, signal: AbortSignal): Promise<PutAnswer>;
  close(): void;
}

export interface DirectPutOptions {
  readonly bucket: string;
  readonly region: string;
  readonly connections: number;
  readonly connectMs: number;
  /** A connection on which nothing moves in either direction for so long is given up. */
  readonly silenceMs: number;
  readonly ca: string[] | undefined;
  /** Sends one request by Node's HTTP client, on a connection of its own. */
  readonly sendOnce: RequestHandler['handleOnce'];
}

interface Answer {
  readonly status: number;
  readonly headers: Record<string, string>;
  readonly body: Buffer;
}

/** An error document is shorter; of an endless page no more is kept. */
const MAX_ANSWER_BYTES = 64 * 1024;

/**
 * PUTs past the SDK's middleware, which takes twice as long over a small recording as everything else that happens to it
 * (docs/performance.md). What is not about speed stays the SDK's: where a bucket is, credentials, the clock's offset,
 * and what an answer means that is anything but a plain 200.
 */
export function createDirectPuts(
  client: S3Client,
  config: S3ClientConfig,
  { bucket, region, connections, connectMs, silenceMs, ca, sendOnce }: DirectPutOptions,
): DirectPuts {
  const sign = createPutSigner(region);
  // its credentials are found once, and again only when they expire
  const same: S3ClientConfig = { ...config, credentials: client.config.credentials };
  let place: Promise<Place> | undefined;
  let pool: Pool | undefined;
  /** undici takes a `100 Continue` that it did not ask for as the end of the connection; so this store is spoken to by Node. */
  let sendsContinue = false;

  const send = async (
    place: Place,
    object: DirectPut,
    timeoutMs: number,
    signal: AbortSignal,
  ): Promise<Answer> => {
    const { origin } = place;
    const request = requestFor(object, place);
    // by the host's clock, whatever the caller's: the store compares it with its own
    const time = isoTime(systemClock.now() + client.config.systemClockOffset);
    const signed = sign(request, await client.config.credentials(), time);
    pool ??= new Pool(origin, {
      connections,
      pipelining: 1,
      allowH2: false,
      connect: connector(connectMs, silenceMs, ca),
    });
    const put = { origin, path: request.path, headers: signed, body: object.body, timeoutMs };
    if (sendsContinue) return exchangeOnce(sendOnce, put, signal);
    try {
      const answer = await exchange(pool, put, signal);
      if (answer.status !== 408) return answer;
    } catch (error) {
      if (signal.aborted || !isLost(error)) throw error;
      sendsContinue = messageOf(error) === 'bad response';
    }
    // the server had closed a kept connection, or given it up as idle: no failure of the recording's (P7)
    return exchangeOnce(sendOnce, put, signal);
  };

  const findOnce = (): Promise<Place> => {
    place ??= findPlace(same, bucket).catch((error: unknown) => {
      place = undefined; // credentials may be found the next time
      throw error;
    });
    return place;
  };

  return {
    prepare: () => void findOnce().catch(() => undefined), // the first PUT tries again and tells
    put: async (request, timeoutMs, signal) => {
      const answer = await send(await findOnce(), request, timeoutMs, signal);
      const { etag, 'x-amz-version-id': versionId } = answer.headers;
      if (answer.status === 200 && etag !== undefined && answer.body.length === 0) return { etag, versionId };
      return interpret(same, bucket, answer);
    },
    close: () => void pool?.destroy(),
  };
}

/** Where a bucket's objects lie. */
interface Place {
  readonly origin: string;
  readonly host: string;
  /** What comes before the key. */
  readonly path: string;
}

/** The request of a PUT, but for its signature. */
function requestFor({ key, headers, body, sha256 }: DirectPut, { path, host }: Place): PutToSign {
  return {
    path: path + key.split('/').map(extendedEncodeURIComponent).join('/'),
    headers: { ...headers, host, 'content-length': String(body.length), 'x-amz-content-sha256': sha256 },
  };
}

/** Where the SDK would send an object to: its rules know regions, path style, and names that are no host names. */
async function findPlace(config: S3ClientConfig, bucket: string): Promise<Place> {
  let place: Place | undefined;
  await answering(config, bucket, ({ protocol, hostname, port, path, headers }) => {
    const authority = port === undefined ? hostname : `${hostname}:${port}`;
    const origin = `${protocol}//${authority}`;
    place = { origin, host: headers['host'] ?? authority, path: path.slice(0, -KEY.length) };
    return new HttpResponse({ statusCode: 200 });
  });
  if (place === undefined) throw new Error('the S3 client sent no request');
  return place;
}

/** What the SDK makes of an answer, as if it had sent the request itself. */
async function interpret(config: S3ClientConfig, bucket: string, answer: Answer): Promise<PutAnswer> {
  const { status: statusCode, headers, body } = answer;
  const output = await answering(
    config,
    bucket,
    () => new HttpResponse({ statusCode, headers, body: Readable.from(body.length === 0 ? [] : [body]) }),
  );
  return { etag: output.ETag, versionId: output.VersionId };
}

/** Any key: it is sent nowhere. */
const KEY = 'key';

/** Has the SDK put an object and answers its request in the store's place. */
async function answering(
  config: S3ClientConfig,
  bucket: string,
  answer: (request: SentRequest) => HttpResponse,
): Promise<{ readonly ETag?: string | undefined; readonly VersionId?: string | undefined }> {
  const requestHandler = {
    handle: (request: SentRequest) => Promise.resolve({ response: answer(request) }),
  };
  const client = new S3Client({ ...config, requestHandler });
  try {
    return await client.send(new PutObjectCommand({ Bucket: bucket, Key: KEY, Body: '', ContentLength: 0 }));
  } finally {
    client.destroy();
  }
}

/** Connects within `connectMs`, and gives a connection up on which nothing moves for `silenceMs`. */
function connector(connectMs: number, silenceMs: number, ca: string[] | undefined): buildConnector.connector {
  const connect = buildConnector({ timeout: connectMs, allowH2: false, ...(ca !== undefined && { ca }) });
  return (options, callback) =>
    connect(options, (...[error, socket]) => {
      if (error !== null) return callback(error, null);
      socket.setTimeout(silenceMs, () => {
        const silence = new Error(`nothing was sent or received for ${silenceMs} ms`);
        socket.destroy(Object.assign(silence, { code: 'ETIMEDOUT' }));
      });
      callback(null, socket);
    });
}

interface SentRequest {
  readonly protocol: string;
  readonly hostname: string;
  readonly port?: number;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
}

interface Exchange {
  readonly origin: string;
  readonly path: string;
  readonly headers: Record<string, string>;
  readonly body: Buffer;
  readonly timeoutMs: number;
}

/** The same by Node's HTTP client, on a connection of its own. */
async function exchangeOnce(
  sendOnce: DirectPutOptions['sendOnce'],
  { origin, path, headers, body, timeoutMs }: Exchange,
  signal: AbortSignal,
): Promise<Answer> {
  const { protocol, hostname, port } = new URL(origin);
  const request = new HttpRequest({
    protocol,
    hostname,
    method: 'PUT',
    path,
    headers,
    body,
    ...(port !== '' && { port: Number(port) }),
  });
  const { response } = await sendOnce(request, { abortSignal: signal, requestTimeout: timeoutMs });
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of (response.body ?? []) as AsyncIterable<Buffer>) {
    if (length < MAX_ANSWER_BYTES) chunks.push(chunk);
    length += chunk.length;
  }
  return { status: response.statusCode, headers: response.headers, body: Buffer.concat(chunks) };
}

/** One request and its answer, of whatever status. */
function exchange(
  pool: Pool,
  { path, headers, body, timeoutMs }: Exchange,
  signal: AbortSignal,
): Promise<Answer> {
  return new Promise<Answer>((resolve, reject) => {
    let sending: Dispatcher.DispatchController | undefined;
    const abort = (): void => sending?.abort(signal.reason);
    let status = 0;
    let answered: Record<string, string> = {};
    const chunks: Buffer[] = [];
    let length = 0;
    pool.dispatch(
      { method: 'PUT', path, headers, body, headersTimeout: timeoutMs },
      {
        onRequestStart: (controller) => {
          sending = controller;
          if (signal.aborted) abort();
          else signal.addEventListener('abort', abort, { once: true });
        },
        onResponseStart: (_controller, statusCode, fields) => {
          status = statusCode;
          answered = Object.fromEntries(Object.entries(fields).map(([name, value]) => [name, String(value)]));
        },
        onResponseData: (_controller, chunk) => {
          if (length < MAX_ANSWER_BYTES) chunks.push(Buffer.from(chunk));
          length += chunk.length;
        },
        onResponseEnd: () => {
          signal.removeEventListener('abort', abort);
          resolve(readable({ status, headers: answered, body: Buffer.concat(chunks) }));
        },
        onResponseError: (_controller, error) => {
          signal.removeEventListener('abort', abort);
          reject(error);
        },
      },
    );
  });
}

/** An error document that was compressed although the request did not ask for it, as it was before. */
async function readable(answer: Answer): Promise<Answer> {
  const unpack = unpackerFor(answer.status, answer.headers['content-encoding']);
  if (unpack === undefined || answer.body.length === 0) return answer;
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of Readable.from([answer.body]).compose(unpack) as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > MAX_ANSWER_BYTES) break;
    chunks.push(chunk);
  }
  return { ...answer, body: Buffer.concat(chunks) };
}
