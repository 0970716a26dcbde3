import { createHash } from 'node:crypto';
import { Readable, addAbortSignal } from 'node:stream';
import {
  CopyObjectCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  HeadObjectCommand,
  type StorageClass,
} from '@aws-sdk/client-s3';
import { type FaultCode, WavspoolError } from '../../domain/faults.ts';
import type { Clock, ReadExactly, Semaphore } from '../runtime/index.ts';
import type { BodyPool } from './body-pool.ts';
import type { createChecksums } from './checksums.ts';
import type { Connection, S3Settings } from './connection.ts';
import { startDeadline } from './deadline.ts';
import { headerSafe, readMetadata } from './metadata.ts';
import type { ByteRange, DescribedObject, ObjectHead, ObjectToPut, PutResult } from './object-store.ts';
import { S3Fault, s3Fault } from './s3-faults.ts';

/** What the operations on objects share. */
export interface StoreDeps {
  readonly settings: S3Settings;
  readonly connection: Connection;
  /** Bytes of bodies in memory at once. */
  readonly budget: Semaphore;
  readonly bodies: BodyPool;
  readonly checksums: ReturnType<typeof createChecksums>;
  /** For recordings that are read at once. */
  readonly read: ReadExactly;
  readonly clock: Clock;
}

/** The object's head, or undefined on 404, which a missing bucket answers as well: a HEAD has no error code. */
export async function headObject(
  { settings, connection }: StoreDeps,
  key: string,
  signal: AbortSignal,
): Promise<ObjectHead | undefined> {
  const what = `HEAD ${key}`;
  try {
    const head = await connection.send(
      {
        what,
        run: (client, options) =>
          client.send(new HeadObjectCommand({ Bucket: settings.bucket, Key: key }), options),
      },
      signal,
    );
    return {
      size: head.ContentLength ?? 0,
      etag: requireField(head.ETag, 'ETag', what, connection),
      versionId: head.VersionId,
      metadata: readMetadata(head.Metadata),
    };
  } catch (error) {
    if (error instanceof S3Fault && error.status === 404) return undefined;
    throw error;
  }
}

/**
 * The object's bytes. Its connection is held until they are read or `signal` aborts. Throws OBJECT_MISSING when there is
 * no such object; an error while reading is a store fault too.
 */
export async function getObject(
  deps: StoreDeps,
  key: string,
  signal: AbortSignal,
  range?: ByteRange,
): Promise<AsyncIterable<Uint8Array>> {
  const { settings, connection } = deps;
  const what = `GET ${key}`;
  const answer = await connection.send(
    {
      what,
      run: (client, options) =>
        client.send(
          new GetObjectCommand({
            Bucket: settings.bucket,
            Key: key,
            ...(range !== undefined && { Range: `bytes=${range.first}-${range.last}` }),
          }),
          options,
        ),
    },
    signal,
  );
  const { Body: body } = answer;
  if (!(body instanceof Readable)) throw notS3(what, connection, 'the answer has no body');
  if (answer.ETag === undefined) {
    body.destroy();
    throw notS3(what, connection, 'the answer has no ETag');
  }
  return readBody(deps, what, body, answer.ContentLength ?? 0, signal);
}

async function* readBody(
  { connection, clock }: StoreDeps,
  what: string,
  body: Readable,
  bytes: number,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  using deadline = startDeadline(clock, connection.allowedMs(bytes), signal);
  try {
    yield* addAbortSignal(deadline.signal, body);
  } catch (error) {
    signal.throwIfAborted();
    const attempt = `${what} (${connection.where})`;
    if (deadline.isOver()) throw storeFault('REQUEST_TIMEOUT', `${attempt}: the body does not end`, error);
    throw s3Fault(attempt, error);
  }
}

/** Removes one object; one that is not there is removed. */
export async function removeObject(
  { settings, connection }: StoreDeps,
  key: string,
  signal: AbortSignal,
): Promise<void> {
  await connection.send(
    {
      what: `DELETE ${key}`,
      run: (client, options) =>
        client.send(new DeleteObjectCommand({ Bucket: settings.bucket, Key: key }), options),
    },
    signal,
  );
}

/** Moves an object on the store's side: copied with its metadata, seen there, then removed under its old key. */
export async function moveObject(
  deps: StoreDeps,
  key: string,
  to: string,
  signal: AbortSignal,
): Promise<void> {
  const { settings, connection } = deps;
  const there = await headObject(deps, key, signal);
  if (there === undefined) return;
  const source = [settings.bucket, ...key.split('/')].map(encodeURIComponent).join('/');
  const command = new CopyObjectCommand({ Bucket: settings.bucket, Key: to, CopySource: source });
  await connection.send(
    {
      what: `copy ${key} to ${to}`,
      bytes: there.size,
      run: (client, options) => client.send(command, options),
    },
    signal,
  );
  const copy = await headObject(deps, to, signal);
  if (copy?.size !== there.size) {
    throw storeFault('STORE_ERROR', `copy ${key} to ${to} (${connection.where}): the copy is not there`);
  }
  await removeObject(deps, key, signal);
}

/** How an object that has the wanted key compares with the one to put. */
export type Likeness = 'same' | 'different' | 'unknown';

/** Compares by size and the SHA-256 in the metadata; `unknown` when the size fits and no SHA-256 was noted. */
export function likeness(there: ObjectHead, wanted: Pick<ObjectToPut, 'size' | 'sha256'>): Likeness {
  if (there.size !== wanted.size) return 'different';
  const noted = there.metadata['sha256'];
  if (noted === undefined || !/^[0-9a-f]{64}$/i.test(noted)) return 'unknown';
  return noted.toLowerCase() === wanted.sha256 ? 'same' : 'different';
}

/**
 * The object of the key when it has the wanted bytes, undefined when the key is free (P5). Throws KEY_TAKEN when it has
 * others. An object without a noted SHA-256, put there by another program, is downloaded to find out.
 */
export async function objectIfThere(
  deps: StoreDeps,
  wanted: DescribedObject,
  signal: AbortSignal,
): Promise<PutResult | undefined> {
  const there = await headObject(deps, wanted.key, signal);
  if (there === undefined) return undefined;
  const alike = likeness(there, wanted);
  const same =
    alike === 'unknown' ? (await hashOf(deps, wanted.key, signal)) === wanted.sha256 : alike === 'same';
  if (same) return { etag: there.etag, versionId: there.versionId, alreadyThere: true };
  const found = `${there.size} bytes, SHA-256 ${there.metadata['sha256'] ?? 'not noted'}`;
  throw new WavspoolError(
    'KEY_TAKEN',
    `${wanted.key} (${deps.connection.where}) holds another object (${found}); ` +
      `${wanted.path} is ${wanted.size} bytes, SHA-256 ${wanted.sha256}`,
  );
}

async function hashOf(deps: StoreDeps, key: string, signal: AbortSignal): Promise<string> {
  const running = createHash('sha256');
  for await (const chunk of await getObject(deps, key, signal)) running.update(chunk);
  return running.digest('hex');
}

/** What to send with an object in parts: its metadata with its SHA-256, and how the settings want it stored. */
export function storedAs(settings: S3Settings, object: ObjectToPut) {
  const { storageClass, serverSideEncryption, kmsKeyId } = settings;
  return {
    Bucket: settings.bucket,
    Key: object.key,
    ContentType: object.contentType,
    Metadata: { ...headerSafe(object.metadata), sha256: object.sha256 },
    // Only what was asked for: some stores refuse a header that names their default.
    ...(isOwnClass(storageClass) && { StorageClass: storageClass }),
    ...(serverSideEncryption !== 'none' && { ServerSideEncryption: serverSideEncryption }),
    ...(kmsKeyId !== undefined && { SSEKMSKeyId: kmsKeyId }),
  };
}

/** The same as the headers of a request that is sent without the SDK. */
export function headersOf(
  settings: S3Settings,
  object: Pick<ObjectToPut, 'contentType' | 'metadata' | 'sha256'>,
): Record<string, string> {
  const { storageClass, serverSideEncryption, kmsKeyId } = settings;
  const headers: Record<string, string> = {
    'content-type': object.contentType,
    ...(isOwnClass(storageClass) && { 'x-amz-storage-class': storageClass }),
    ...(serverSideEncryption !== 'none' && { 'x-amz-server-side-encryption': serverSideEncryption }),
    ...(kmsKeyId !== undefined && { 'x-amz-server-side-encryption-aws-kms-key-id': kmsKeyId }),
  };
  const metadata = { ...headerSafe(object.metadata), sha256: object.sha256 };
  for (const [name, value] of Object.entries(metadata)) headers[`x-amz-meta-${name}`] = value;
  return headers;
}

/** Any text can be one: S3-compatible stores have classes of their own, which the SDK's type does not know. */
function isOwnClass(storageClass: string): storageClass is StorageClass {
  return storageClass !== 'STANDARD';
}

/** A field that every S3 answers with; STORE_NOT_S3 without it, for a proxy's or a login page's 200 means nothing. */
export function requireField<T>(value: T | undefined, name: string, what: string, connection: Connection): T {
  if (value === undefined || value === '') throw notS3(what, connection, `the answer has no ${name}`);
  return value;
}

function notS3(what: string, connection: Connection, reason: string): WavspoolError {
  return storeFault('STORE_NOT_S3', `${what} (${connection.where}): ${reason}`);
}

function storeFault(code: FaultCode, message: string, cause?: unknown): WavspoolError {
  return new WavspoolError(code, message, cause === undefined ? undefined : { cause });
}
