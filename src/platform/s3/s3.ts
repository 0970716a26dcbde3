import { ListObjectsV2Command } from '@aws-sdk/client-s3';
import type { Report } from '../../domain/events.ts';
import { type Clock, createQuickReader, createSemaphore } from '../runtime/index.ts';
import { createBodyPool } from './body-pool.ts';
import { checkBody, checkWrite } from './check-body.ts';
import { createChecksums } from './checksums.ts';
import { listObjects } from './list-objects.ts';
import { PATIENCE, type Patience, type S3Settings, connect } from './connection.ts';
import { endpointOf } from './place.ts';
import type { ObjectStore, ObjectToPut, PutResult } from './object-store.ts';
import {
  type StoreDeps,
  getObject,
  headObject,
  moveObject,
  objectIfThere,
  removeObject,
  requireField,
} from './objects.ts';
import { probeStore } from './probe.ts';
import { PARTS_IN_FLIGHT, putInParts } from './put-in-parts.ts';
import { putWhole } from './put-whole.ts';
import { S3Fault } from './s3-faults.ts';
import { abortUploadsBefore } from './stale-uploads.ts';

/** The settings of a store: `s3`, and of `upload` what bears on it. */
export type S3StoreSettings = S3Settings & {
  /** Bytes; a longer recording is sent in parts of this size. */
  readonly multipartBytes: number;
  /** Uploads at once in this process. */
  readonly concurrency: number;
  /** Bytes of recordings in memory at once in this process; 16 MiB unless told otherwise. */
  readonly bufferBytes?: number;
  readonly patience?: Patience;
};

/** 64 requests of 250 KB fit; with 64 MiB the process grew to 300 MB, more than its 250. */
const BUFFER_BYTES = 16 * 1024 * 1024;

/** An S3-compatible store. Opening sends nothing; `check()` finds out whether it serves. */
export function openS3Store(settings: S3StoreSettings, report: Report, clock: Clock): ObjectStore {
  const { concurrency, multipartBytes, bufferBytes = BUFFER_BYTES, patience = PATIENCE } = settings;
  const connection = connect(settings, clock, concurrency * PARTS_IN_FLIGHT, patience);
  const deps: StoreDeps = {
    settings,
    connection,
    budget: createSemaphore(bufferBytes),
    bodies: createBodyPool(bufferBytes),
    checksums: createChecksums(settings),
    read: createQuickReader(clock),
    clock,
  };

  return {
    putIfAbsent: conditionalPut(deps, multipartBytes, report),
    objectIfThere: async (object, signal) => {
      const there = await objectIfThere(deps, object, signal);
      if (there === undefined) await checkBucket(deps, signal); // a missing bucket is no missing object
      return there;
    },
    head: async (key, signal) => {
      const head = await headObject(deps, key, signal);
      if (head === undefined) await checkBucket(deps, signal); // a missing bucket is no missing object
      return head;
    },
    get: (key, signal, range) => getObject(deps, key, signal, range),
    list: (prefix, signal) => listObjects(deps, prefix, signal),
    move: (key, to, signal) => moveObject(deps, key, to, signal),
    remove: (key, signal) => removeObject(deps, key, signal),
    check: (signal) => checkBucket(deps, signal),
    checkBody: (bytes, signal) => checkBody(deps, bytes, signal),
    checkWrite: (signal) => checkWrite(deps, signal),
    abortStaleUploads: (before, signal) => abortUploadsBefore(deps, before, signal),
    probe: (signal) => probeStore(deps, signal),
    prepare: () => connection.prepare(),
    close: () => connection.close(),
  };
}

/** `putIfAbsent`, also for a store that takes no conditions: the first upload finds out. */
function conditionalPut(deps: StoreDeps, multipartBytes: number, report: Report): ObjectStore['putIfAbsent'] {
  let takesConditions = true;
  const put = (object: ObjectToPut, onlyIfAbsent: boolean, signal: AbortSignal): Promise<PutResult> => {
    if (object.size <= multipartBytes) return putWhole(deps, object, onlyIfAbsent, signal);
    return deps.checksums.parts.run((checksum) => {
      const how = { wantedPartBytes: multipartBytes, onlyIfAbsent, checksum };
      return putInParts(deps, object, how, signal, report);
    });
  };
  return async (object, signal) => {
    // The condition on parts is only checked at their end: look before sending gigabytes in vain.
    if (!takesConditions || object.size > multipartBytes) {
      const there = await objectIfThere(deps, object, signal);
      if (there !== undefined) return there;
    }
    let refusal: S3Fault;
    try {
      return await put(object, takesConditions, signal);
    } catch (error) {
      if (!(error instanceof S3Fault)) throw error;
      refusal = error;
    }
    if (refusal.code === 'KEY_TAKEN') return objectOfOther(deps, object, refusal, signal);
    if (refusal.status !== 501 || !takesConditions) throw refusal;
    const there = await objectIfThere(deps, object, signal);
    if (there !== undefined) return there;
    const result = await put(object, false, signal);
    // Only now is it sure that the 501 was about the condition. Of several uploads that find out one reports.
    if (takesConditions) report('store lacks conditional put', { endpoint: endpointOf(deps.settings) });
    takesConditions = false;
    return result;
  };
}

/** After a 412: what has the key, if it is the same; a lost answer to our own PUT ends here too. */
async function objectOfOther(
  deps: StoreDeps,
  object: ObjectToPut,
  refusal: S3Fault,
  signal: AbortSignal,
): Promise<PutResult> {
  const there = await objectIfThere(deps, object, signal);
  if (there !== undefined) return there;
  const message = `${refusal.message}; but a HEAD finds nothing there`;
  throw new S3Fault('STORE_ERROR', message, refusal, refusal);
}

/**
 * Lists at most one key. Not HeadBucket: an answer without a body can tell neither a missing bucket from a missing page
 * nor S3 from a login page.
 */
async function checkBucket({ settings, connection }: StoreDeps, signal: AbortSignal): Promise<void> {
  const what = 'list the bucket';
  const command = new ListObjectsV2Command({
    Bucket: settings.bucket,
    Prefix: `${settings.prefix}.wavspool-probe/`,
    MaxKeys: 1,
  });
  const answer = await connection.send(
    { what, run: (client, options) => client.send(command, options) },
    signal,
  );
  requireField(answer.IsTruncated, 'IsTruncated', what, connection);
}
