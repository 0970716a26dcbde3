import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  type CompletedPart,
  CreateMultipartUploadCommand,
  UploadPartCommand,
} from '@aws-sdk/client-s3';
import { hash } from 'node:crypto';
import type { Report } from '../../domain/events.ts';
import { WavspoolError } from '../../domain/faults.ts';
import { createSemaphore } from '../runtime/index.ts';
import { type Checksum, checksumFields } from './checksums.ts';
import type { ObjectToPut, PutResult } from './object-store.ts';
import { type StoreDeps, headObject, likeness, objectIfThere, requireField, storedAs } from './objects.ts';
import { presetPayloadHash } from './payload-hash.ts';
import { openRecording, runningHash } from './recording-bytes.ts';
import { S3Fault } from './s3-faults.ts';

const MIB = 1024 * 1024;
const MAX_PARTS = 10_000;
/** Parts of one recording in flight at once. */
export const PARTS_IN_FLIGHT = 2;

/** A multipart upload that has begun. */
interface Upload {
  readonly object: ObjectToPut;
  readonly uploadId: string;
  readonly partBytes: number;
  readonly checksum: Checksum;
}

/** How a recording is sent in parts. */
export interface PartsOptions {
  readonly wantedPartBytes: number;
  /** The condition of its end: KEY_TAKEN when the key holds anything (P5). */
  readonly onlyIfAbsent: boolean;
  readonly checksum: Checksum;
}

/** The size of each part but the last: `wanted`, or what it takes to stay within S3's 10,000 parts, in whole MiB. */
export function partSize(size: number, wanted: number): number {
  return Math.max(wanted, Math.ceil(size / MAX_PARTS / MIB) * MIB);
}

/**
 * Sends a recording in parts:
 * 1. begin, with the metadata; 2. read, hash and send the parts, each with its own signed payload hash (P4); 3. compare
 * the SHA-256 of all that was sent with the described one; 4. look whether the key is still free, for Ceph 16 completes
 * over another object whatever the condition says; 5. complete, which alone makes the object appear (P3); 6. look at the
 * object: its size, and its ETag, which Ceph 16 leaves empty in 5.
 * A failure in 2 to 4, and a refusal in 5, aborts the upload. Without an answer in 5 it is left alone: Ceph and
 * SeaweedFS delete the parts of the finished object when an abort overtakes a Complete that is still at work
 * (ceph/ceph#60771, seaweedfs/seaweedfs#11385). The next try finds the object by its key, abortStaleUploads the rest.
 * Throws KEY_TAKEN, as readRecording does, or a store fault.
 */
export async function putInParts(
  deps: StoreDeps,
  object: ObjectToPut,
  { wantedPartBytes, onlyIfAbsent, checksum }: PartsOptions,
  signal: AbortSignal,
  report: Report,
): Promise<PutResult> {
  const upload: Upload = {
    object,
    uploadId: await begin(deps, object, checksum, signal),
    partBytes: partSize(object.size, wantedPartBytes),
    checksum,
  };
  let completing = false;
  try {
    const parts = await sendParts(deps, upload, signal);
    const overtaken = await objectIfThere(deps, object, signal);
    if (overtaken !== undefined) {
      await abandon(deps, upload, report);
      return overtaken;
    }
    completing = true;
    await complete(deps, upload, parts, onlyIfAbsent, signal);
  } catch (error) {
    if (completing && !isRefusal(error))
      report('multipart upload left behind', { key: object.key, err: error });
    else await abandon(deps, upload, report);
    throw error;
  }
  return objectOfCompleted(deps, object, signal);
}

/** Whether the store said no, rather than nothing or that it failed on the way. */
function isRefusal(error: unknown): boolean {
  if (!(error instanceof S3Fault) || error.status === undefined) return false;
  return (error.status >= 400 && error.status < 500 && error.status !== 408) || error.status === 501;
}

async function begin(
  { settings, connection }: StoreDeps,
  object: ObjectToPut,
  checksum: Checksum,
  signal: AbortSignal,
): Promise<string> {
  const what = `begin the multipart upload of ${object.key}`;
  const command = new CreateMultipartUploadCommand({
    ...storedAs(settings, object),
    ...(checksum === 'sha256' && { ChecksumAlgorithm: 'SHA256' }),
  });
  const answer = await connection.send(
    { what, run: (client, options) => client.send(command, options) },
    signal,
  );
  return requireField(answer.UploadId, 'UploadId', what, connection);
}

/** Sends every part, in order, at most PARTS_IN_FLIGHT at once. After the first failure none is in flight any more. */
async function sendParts(deps: StoreDeps, upload: Upload, signal: AbortSignal): Promise<CompletedPart[]> {
  const { object, partBytes } = upload;
  const stop = new AbortController();
  const goingOn = AbortSignal.any([signal, stop.signal]);
  const gate = createSemaphore(PARTS_IN_FLIGHT);
  const whole = runningHash(object);
  const sending: Promise<CompletedPart>[] = [];
  try {
    await using recording = await openRecording(object);
    for (let start = 0; start < object.size; start += partBytes) {
      const length = Math.min(partBytes, object.size - start);
      using admitted = new DisposableStack();
      admitted.use(await gate.acquire(1, goingOn));
      admitted.use(await deps.budget.acquire(length, goingOn));
      const bytes = await recording.read(length);
      whole.add(bytes);
      const held = admitted.move();
      const sent = sendPart(deps, upload, sending.length + 1, bytes, goingOn).finally(() => held.dispose());
      // Aborting with the failure itself makes it the reason for which everything else here ends.
      sent.catch((error: unknown) => stop.abort(error));
      sending.push(sent);
    }
    const parts = await Promise.all(sending);
    whole.requireMatch();
    return parts;
  } catch (error) {
    stop.abort(error);
    await Promise.allSettled(sending); // a part that ends after the abort of its upload would stay behind
    throw error;
  }
}

async function sendPart(
  { settings, connection }: StoreDeps,
  { object, uploadId, checksum }: Upload,
  partNumber: number,
  bytes: Buffer,
  signal: AbortSignal,
): Promise<CompletedPart> {
  const sha256 = hash('sha256', bytes, 'hex');
  const fields = checksumFields(checksum, bytes, sha256);
  const command = new UploadPartCommand({
    Bucket: settings.bucket,
    Key: object.key,
    UploadId: uploadId,
    PartNumber: partNumber,
    Body: bytes,
    ContentLength: bytes.length,
    ...fields,
  });
  presetPayloadHash(command, sha256);
  const what = `PUT part ${partNumber} of ${object.key}`;
  const answer = await connection.send(
    { what, bytes: bytes.length, run: (client, options) => client.send(command, options) },
    signal,
  );
  const etag = requireField(answer.ETag, 'ETag', what, connection);
  const { ChecksumSHA256 } = fields; // the end of the upload has to repeat it
  return { PartNumber: partNumber, ETag: etag, ...(ChecksumSHA256 !== undefined && { ChecksumSHA256 }) };
}

async function complete(
  { settings, connection }: StoreDeps,
  { object, uploadId }: Upload,
  parts: CompletedPart[],
  onlyIfAbsent: boolean,
  signal: AbortSignal,
): Promise<void> {
  const command = new CompleteMultipartUploadCommand({
    Bucket: settings.bucket,
    Key: object.key,
    UploadId: uploadId,
    MultipartUpload: { Parts: parts },
    ...(onlyIfAbsent && { IfNoneMatch: '*' }),
  });
  const what = `complete the multipart upload of ${object.key}`;
  // the store may copy the parts together, so it gets the time of the whole
  const answer = await connection.send(
    { what, bytes: object.size, run: (client, options) => client.send(command, options) },
    signal,
  );
  requireField(answer.Key, 'Key', what, connection);
}

/** Whatever the caller's signal says: parts that stay behind cost money, and no list of objects shows them. */
async function abandon({ settings, connection }: StoreDeps, upload: Upload, report: Report): Promise<void> {
  const { key } = upload.object;
  const command = new AbortMultipartUploadCommand({
    Bucket: settings.bucket,
    Key: key,
    UploadId: upload.uploadId,
  });
  try {
    await connection.send(
      {
        what: `abort the multipart upload of ${key}`,
        run: (client, options) => client.send(command, options),
      },
      new AbortController().signal,
    );
  } catch (error) {
    if (error instanceof S3Fault && error.s3Code === 'NoSuchUpload') return; // nothing is left: what was wanted
    report('multipart upload left behind', { key, err: error });
  }
}

async function objectOfCompleted(
  deps: StoreDeps,
  object: ObjectToPut,
  signal: AbortSignal,
): Promise<PutResult> {
  const there = await headObject(deps, object.key, signal);
  if (there !== undefined && likeness(there, object) !== 'different') {
    return { etag: there.etag, versionId: there.versionId, alreadyThere: false };
  }
  const found =
    there === undefined
      ? 'nothing'
      : `${there.size} bytes, SHA-256 ${there.metadata['sha256'] ?? 'not noted'}`;
  throw new WavspoolError(
    'STORE_ERROR',
    `${object.key} (${deps.connection.where}): its parts were taken, but the key holds ${found}; ` +
      `expected ${object.size} bytes, SHA-256 ${object.sha256}`,
  );
}
