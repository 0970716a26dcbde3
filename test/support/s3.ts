import { execFile } from 'node:child_process';
import { hash, randomBytes } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import {
  CreateBucketCommand,
  DeleteBucketCommand,
  DeleteObjectCommand,
  DeleteObjectsCommand,
  GetObjectCommand,
  ListObjectsV2Command,
  S3Client,
} from '@aws-sdk/client-s3';
import { Secret } from '../../src/platform/config/secret.ts';
import type { ObjectToPut, S3StoreSettings } from '../../src/platform/s3/index.ts';
import { LOOPBACK, commandAt, type Place } from './place.ts';
import { freePort, until } from './ports.ts';

const MIB = 1024 * 1024;
const CEPH = join(import.meta.dirname, '../../infra/store/ceph-rgw.sh');
const run = promisify(execFile);

/** Where a server is and who may use it. */
export interface S3Address {
  readonly endpoint: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
}

/** A bucket of the suite's own on the server of this test run; disposing of it removes it with all that is in it. */
export interface TestS3 extends S3Address, AsyncDisposable {
  readonly bucket: string;
  /** A client without wavspool's code, to look behind its back. */
  readonly client: S3Client;
  /** Settings for openS3Store, with small parts and no prefix. */
  settings(changes?: Partial<S3StoreSettings>): S3StoreSettings;
  /** Every key in the bucket, sorted. */
  keys(): Promise<string[]>;
  /** As keys, each with a mark that is another one once the object is. */
  listed(): Promise<readonly Listed[]>;
  remove(key: string): Promise<void>;
  /** The object's bytes. */
  bytes(key: string): Promise<Buffer>;
}

export interface Listed {
  readonly key: string;
  readonly mark: string;
}

/** How many objects one request may remove. */
const PAGE = 1000;

/** A fresh bucket, on the server that services.ts started or WAVSPOOL_TEST_S3 names unless it is to be on another one. */
export async function startS3(address: S3Address = serverOfThisRun()): Promise<TestS3> {
  const client = clientFor(address);
  const bucket = `test-${randomBytes(6).toString('hex')}`;
  await client.send(new CreateBucketCommand({ Bucket: bucket }));
  const { endpoint, accessKeyId, secretAccessKey } = address;
  return {
    endpoint,
    accessKeyId,
    secretAccessKey,
    bucket,
    client,
    settings: (changes) => settingsFor(address, { bucket, ...changes }),
    keys: async () => (await listedIn(client, bucket)).map(({ key }) => key),
    listed: () => listedIn(client, bucket),
    remove: async (key) => {
      await client.send(new DeleteObjectCommand({ Bucket: bucket, Key: key }));
    },
    bytes: async (key) => {
      const { Body: body } = await client.send(new GetObjectCommand({ Bucket: bucket, Key: key }));
      return Buffer.from((await body?.transformToByteArray()) ?? []);
    },
    [Symbol.asyncDispose]: async () => {
      const keys = await listedIn(client, bucket);
      for (let from = 0; from < keys.length; from += PAGE) {
        const Objects = keys.slice(from, from + PAGE).map(({ key }) => ({ Key: key }));
        await client.send(new DeleteObjectsCommand({ Bucket: bucket, Delete: { Objects, Quiet: true } }));
      }
      await client.send(new DeleteBucketCommand({ Bucket: bucket }));
      client.destroy();
    },
  };
}

/** Settings for openS3Store on any server, with the smallest parts that S3 knows. */
export function settingsFor(address: S3Address, changes: Partial<S3StoreSettings> = {}): S3StoreSettings {
  return {
    bucket: 'bucket',
    prefix: '',
    endpoint: address.endpoint,
    region: 'us-east-1',
    forcePathStyle: true,
    accessKeyId: new Secret(address.accessKeyId),
    secretAccessKey: new Secret(address.secretAccessKey),
    storageClass: 'STANDARD',
    checksum: 'auto',
    serverSideEncryption: 'none',
    multipartBytes: 5 * MIB,
    concurrency: 8,
    ...changes,
  };
}

/** Writes a file into `dir` and describes it as a recording with this key. */
export async function writeRecording(dir: string, key: string, bytes: Buffer): Promise<ObjectToPut> {
  const path = join(dir, `${randomBytes(6).toString('hex')}.wav`);
  await writeFile(path, bytes);
  const sha256 = hash('sha256', bytes, 'hex');
  return { key, path, size: bytes.length, sha256, metadata: { tar: 'a b.tar' }, contentType: 'audio/wav' };
}

/** `http://accessKeyId:secretAccessKey@host:port`, the form of WAVSPOOL_TEST_S3. */
export function formatS3Address({ endpoint, accessKeyId, secretAccessKey }: S3Address): string {
  const url = new URL(endpoint);
  url.username = encodeURIComponent(accessKeyId);
  url.password = encodeURIComponent(secretAccessKey);
  return url.href;
}

function serverOfThisRun(): S3Address {
  const named = process.env['WAVSPOOL_TEST_S3'];
  if (named === undefined) throw new Error('no S3 server: run this with "vitest run --project service"');
  return parseS3Address(named);
}

function parseS3Address(text: string): S3Address {
  const url = new URL(text);
  return {
    endpoint: url.origin,
    accessKeyId: decodeURIComponent(url.username),
    secretAccessKey: decodeURIComponent(url.password),
  };
}

/** Resolves once the server answers S3 to these keys. */
export async function untilServing(address: S3Address): Promise<void> {
  const client = clientFor(address);
  const answers = async (): Promise<boolean> => {
    await client
      .send(new ListObjectsV2Command({ Bucket: 'wavspool-none', MaxKeys: 1 }))
      .catch((error: unknown) => {
        if (!(error instanceof Error) || error.name !== 'NoSuchBucket') throw error;
      });
    return true;
  };
  await until(`${address.endpoint} answers S3`, answers, 60_000);
  client.destroy();
}

/** A Ceph gateway of the test's own, for tests that take the store away; disposing of it removes its data. */
export interface TestGateway extends S3Address, AsyncDisposable {
  stop(): Promise<void>;
  /** SIGKILL to the gateway, the OSD and the monitor at once. */
  kill(): Promise<void>;
  /** Starts it on the data and the port it had. */
  start(): Promise<void>;
}

/**
 * Starts a Ceph gateway (about 15 s), with its data on the disk, or in `memory` for one that nobody kills. Rejects, naming the packages,
 * where Ceph is not installed.
 */
export async function startGateway(keep: 'disk' | 'memory', place: Place = LOOPBACK): Promise<TestGateway> {
  const dir = await mkdtemp(join(tmpdir(), 'wavspool-s3-'));
  const [port, monPort] = [await freePort(), await freePort()];
  const keys = { accessKeyId: 'wavspool-test', secretAccessKey: randomBytes(16).toString('hex') };
  const ceph = async (verb: 'up' | 'down'): Promise<void> => {
    const env = {
      ...process.env,
      S3_PORT: String(port),
      // the script itself asks on loopback, which is a place's own
      S3_HOST: place === LOOPBACK ? place.address : '0.0.0.0',
      S3_MON_PORT: String(monPort),
      S3_ACCESS_KEY_ID: keys.accessKeyId,
      S3_SECRET_ACCESS_KEY: keys.secretAccessKey,
      S3_BUCKET: '',
      S3_KEEP: keep,
    };
    await run(...commandAt(place, CEPH, verb, dir), { env });
  };
  const remove = async (): Promise<void> => {
    await ceph('down');
    await rm(dir, { recursive: true });
  };
  try {
    await ceph('up');
  } catch (error) {
    await remove();
    throw error;
  }
  return {
    endpoint: `http://${place.address}:${port}`,
    ...keys,
    stop: () => ceph('down'),
    kill: async () => {
      for (const daemon of ['client.rgw', 'osd.0', 'mon.a']) {
        const pid = Number(await readFile(join(dir, `${daemon}.pid`), 'utf8'));
        process.kill(pid, 'SIGKILL');
      }
    },
    start: () => ceph('up'),
    [Symbol.asyncDispose]: remove,
  };
}

function clientFor({ endpoint, accessKeyId, secretAccessKey }: S3Address): S3Client {
  return new S3Client({
    endpoint,
    region: 'us-east-1',
    forcePathStyle: true,
    credentials: { accessKeyId, secretAccessKey },
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
  });
}

async function listedIn(client: S3Client, bucket: string): Promise<readonly Listed[]> {
  const listed: Listed[] = [];
  let token: string | undefined;
  do {
    const page = await client.send(new ListObjectsV2Command({ Bucket: bucket, ContinuationToken: token }));
    for (const { Key: key, ETag, LastModified, Size } of page.Contents ?? []) {
      if (key !== undefined) listed.push({ key, mark: `${ETag} ${LastModified?.toISOString()} ${Size}` });
    }
    token = page.NextContinuationToken;
  } while (token !== undefined);
  return listed.toSorted((a, b) => (a.key < b.key ? -1 : 1));
}
