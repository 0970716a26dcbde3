import { S3Client, type S3ClientConfig } from '@aws-sdk/client-s3';
import type { Settings } from '../config/index.ts';
import { certificateAuthorities, type Clock } from '../runtime/index.ts';
import { startDeadline } from './deadline.ts';
import { createDirectPuts, type DirectPut, type PutAnswer } from './direct-put.ts';
import { endpointOf } from './place.ts';
import { createRequestHandler, type RequestHandler } from './request-handler.ts';
import { S3Fault, bareError, s3Fault } from './s3-faults.ts';

export type S3Settings = Settings['s3'];

/** How long a request may take: a fixed part, and what its bytes need on the slowest line that counts as working. */
export interface Patience {
  readonly connectMs: number;
  readonly requestMs: number;
  readonly minBytesPerSecond: number;
}

/** 64 uploads that share 10 Mbit/s get 20 kB/s each; the buffer budget keeps fewer bytes than that in flight. */
export const PATIENCE: Patience = { connectMs: 5_000, requestMs: 60_000, minBytesPerSecond: 16 * 1024 };

/** A silent connection is given up after this; a gateway can take its time over a Complete of thousands of parts. */
const SILENCE_MS = 120_000;

/** What goes with `client.send`. */
interface SendOptions {
  readonly abortSignal: AbortSignal;
  readonly requestTimeout: number;
}

/** What a request is called in an error, how many bytes it moves, and how it is sent. */
interface Request<Output> {
  readonly what: string;
  readonly bytes?: number;
  readonly run: (client: S3Client, options: SendOptions) => Promise<Output>;
}

export interface Connection {
  /** `endpoint/bucket`, for messages. */
  readonly where: string;
  /** The longest that moving `bytes` may take, in ms. */
  allowedMs(bytes: number): number;
  /**
   * Sends one request, once. Rejects with `signal.reason` when the caller gave up, with REQUEST_TIMEOUT past
   * {@link allowedMs}, else with the S3Fault of what went wrong.
   */
  send<Output>(request: Request<Output>, signal: AbortSignal): Promise<Output>;
  /** Finds where the bucket is and credentials, so that the first {@link put} need not. Asks the store nothing. */
  prepare(): void;
  /** Puts one object in one request, as send does and with little else around it. */
  put(what: string, object: DirectPut, signal: AbortSignal): Promise<PutAnswer>;
  close(): void;
}

/** The one S3 client of a process. `maxSockets` must not be below the requests in flight: waiting for a socket counts. */
export function connect(
  settings: S3Settings,
  clock: Clock,
  maxSockets: number,
  patience: Patience,
): Connection {
  const ca = certificateAuthorities(settings.ca, 's3.ca');
  const { connectMs, requestMs } = patience;
  const handler = createRequestHandler({ ca, maxSockets, connectMs, requestMs, silenceMs: SILENCE_MS });
  const config = clientConfig(settings, handler);
  const client = new S3Client(config);
  const credentials = freshCredentials(client, clock);
  const puts = createDirectPuts(client, config, {
    ca,
    sendOnce: (request, options) => handler.handleOnce(request, options),
    bucket: settings.bucket,
    region: settings.region,
    connections: maxSockets,
    connectMs: patience.connectMs,
    silenceMs: SILENCE_MS,
  });
  const where = `${endpointOf(settings)}/${settings.bucket}`;
  const allowedMs = (bytes: number): number => allowedFor(bytes, patience);

  const inTime = <Output>(
    what: string,
    bytes: number,
    signal: AbortSignal,
    run: (options: SendOptions) => Promise<Output>,
  ): Promise<Output> => {
    const limits = { requestMs: allowedMs(bytes), connectMs: patience.connectMs };
    return attempt({ clock, credentials }, `${what} (${where})`, limits, signal, run);
  };

  return {
    where,
    allowedMs,
    send: ({ what, bytes = 0, run }, signal) =>
      inTime(what, bytes, signal, (options) => run(client, options)),
    prepare: () => puts.prepare(),
    put: (what, object, signal) =>
      inTime(what, object.body.length, signal, ({ requestTimeout, abortSignal }) =>
        puts.put(object, requestTimeout, abortSignal),
      ),
    close: () => {
      puts.close();
      client.destroy();
    },
  };
}

function allowedFor(bytes: number, { requestMs, minBytesPerSecond }: Patience): number {
  return requestMs + Math.ceil((bytes / minBytesPerSecond) * 1000);
}

/** Runs a request that may take so long, and gives its failure its name. */
async function attempt<Output>(
  { clock, credentials }: { readonly clock: Clock; readonly credentials: FreshCredentials },
  what: string,
  { requestMs, connectMs }: Pick<Patience, 'requestMs' | 'connectMs'>,
  signal: AbortSignal,
  run: (options: SendOptions) => Promise<Output>,
): Promise<Output> {
  signal.throwIfAborted();
  const allMs = requestMs + connectMs;
  // Beside the client's own timeout, which ends with the head of the answer and does not count finding credentials.
  using deadline = startDeadline(clock, allMs, signal);
  try {
    await credentials.renewIfRefused();
    return await run({ abortSignal: deadline.signal, requestTimeout: requestMs });
  } catch (error) {
    signal.throwIfAborted();
    if (!deadline.isOver()) {
      const fault = s3Fault(what, error);
      if (fault.code === 'STORE_CREDENTIALS') credentials.refused();
      throw fault;
    }
    const message = `${what}: no answer within ${allMs} ms`;
    const answer = { status: undefined, s3Code: undefined };
    throw new S3Fault('REQUEST_TIMEOUT', message, answer, bareError(error));
  }
}

/** More often than this they are not asked for anew: one key that is denied is denied for each of its retries. */
const RENEWAL_MS = 500;

interface FreshCredentials {
  refused(): void;
  renewIfRefused(): Promise<void>;
}

/** What finds credentials keeps what it has found, and files that it has read; a refusal says that they are no longer right. */
function freshCredentials(client: S3Client, clock: Clock): FreshCredentials {
  let wereRefused = false;
  let renewedAt = Number.NEGATIVE_INFINITY;
  let renewing: Promise<unknown> | undefined;
  return {
    refused: () => {
      wereRefused = true;
    },
    renewIfRefused: async () => {
      if (wereRefused && clock.monotonicMs() - renewedAt >= RENEWAL_MS) {
        wereRefused = false;
        renewedAt = clock.monotonicMs();
        renewing = client.config.credentials({ forceRefresh: true }).finally(() => {
          renewing = undefined;
        });
      }
      await renewing;
    },
  };
}

function clientConfig(settings: S3Settings, requestHandler: RequestHandler): S3ClientConfig {
  const { endpoint, accessKeyId, secretAccessKey } = settings;
  const config: S3ClientConfig & { readonly ignoreCache: boolean } = {
    region: settings.region,
    forcePathStyle: settings.forcePathStyle,
    ...(endpoint !== undefined && { endpoint }),
    ...(accessKeyId !== undefined &&
      secretAccessKey !== undefined && {
        credentials: { accessKeyId: accessKeyId.reveal(), secretAccessKey: secretAccessKey.reveal() },
      }),
    // the credential chain gets all of this; else it never reads ~/.aws/credentials again in the life of the process
    ignoreCache: true,
    maxAttempts: 1, // the queue alone retries
    followRegionRedirects: false,
    expectContinueHeader: false,
    // else the SDK adds CRC32 headers and chunk framing, which part of the S3-compatible stores refuse or store
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    requestHandler,
  };
  return config;
}
