import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { relative } from 'node:path';
import type { Report } from '../../domain/events.ts';
import { WavspoolError, errnoOf, faultCode } from '../../domain/faults.ts';
import { pathBelow, type Clock } from '../../platform/runtime/index.ts';
import type { RecordingRow, StoredObject } from '../../domain/recording.ts';
import type { RecordingLedger } from '../../domain/ledger.ts';
import { unreadable, type ObjectStore, type ObjectToPut, type PutResult } from '../../platform/s3/index.ts';
import type { Bandwidth } from './bandwidth.ts';
import { recordingKey, recordingKeys, type KeyLayout } from './key.ts';

export interface UploadDeps extends KeyLayout {
  readonly recordings: Pick<RecordingLedger, 'stored'>;
  readonly store: Pick<ObjectStore, 'putIfAbsent' | 'objectIfThere' | 'head' | 'get'>;
  readonly bandwidth: Bandwidth;
  readonly clock: Clock;
  readonly report: Report;
}

/** A recording that lies in the bucket, and whose row does not say so yet. */
export interface Stored {
  readonly object: StoredObject;
  readonly alreadyThere: boolean;
  readonly ms: number;
}

/** Uploads one recording and commits what the store answered. Throws WavspoolError; `verdict` says what that means. Safe to repeat. */
export async function uploadRecording(
  deps: UploadDeps,
  row: RecordingRow,
  signal: AbortSignal,
): Promise<void> {
  await commitUpload(deps, row, await putRecording(deps, row, signal));
}

/**
 * The first half of {@link uploadRecording}: the object. A crash before the second half repeats a harmless PUT. A recording
 * whose file is gone or changed counts as stored where the bucket has it: an older `state.db` knows less than the bucket.
 * Only keys behind `after` are tried, where it is given: the ledger has given that one to another recording.
 */
export async function putRecording(
  deps: UploadDeps,
  row: RecordingRow,
  signal: AbortSignal,
  after?: string,
): Promise<Stored> {
  const startedAt = deps.clock.monotonicMs();
  const stored = (identity: Identity, { key, put }: KeyAndPut): Stored => ({
    object: { key, ...identity, etag: put.etag, versionId: put.versionId },
    alreadyThere: put.alreadyThere,
    ms: Math.round(deps.clock.monotonicMs() - startedAt),
  });
  try {
    const identity = await identityOf(row, signal);
    await deps.bandwidth.pass(identity.size, signal);
    signal.throwIfAborted();
    const put = (object: ObjectToPut): Promise<PutResult> => deps.store.putIfAbsent(object, signal);
    return stored(identity, await underFreeKey(deps, row, identity, put, after));
  } catch (fault) {
    const code = faultCode(fault);
    if (code !== 'RECORDING_MISSING' && code !== 'RECORDING_CHANGED') throw fault;
    const found = await findStored(deps, row, signal, after);
    if (found === undefined) throw fault;
    return stored(found.identity, found);
  }
}

interface Identity {
  readonly size: number;
  readonly sha256: string;
}

interface KeyAndPut {
  readonly key: string;
  readonly put: PutResult;
}

/** Does what is to be done with the object under the first of its keys that no other object has (P5). Throws KEY_TAKEN. */
async function underFreeKey(
  deps: UploadDeps,
  row: RecordingRow,
  { size, sha256 }: Identity,
  act: (object: ObjectToPut) => Promise<PutResult>,
  after: string | undefined,
): Promise<KeyAndPut> {
  const keys = keysBehind(deps, row, sha256, after);
  let key = keys.next().value;
  const metadata = metadataOf(row, sha256, deps.incoming);
  const within = row.source && { file: row.source.tar, below: deps.incoming, offset: row.source.offset };
  for (;;) {
    if (key === undefined) throw everyKeyTaken(row);
    try {
      const put = await act({
        key,
        path: row.path,
        within,
        size,
        sha256,
        metadata,
        contentType: 'audio/wav',
      });
      return { key, put };
    } catch (fault) {
      const next = faultCode(fault) === 'KEY_TAKEN' ? keys.next().value : undefined;
      if (next === undefined) throw fault;
      deps.report('key taken', { recording: row.path, key, next });
      key = next;
    }
  }
}

/**
 * The keys to try, in their order: from the one on that the ledger has set down for it, which no other recording gets, or behind
 * `after`. Nearly always the first is free, so the others are not made before they are asked for.
 */
function* keysBehind(
  deps: UploadDeps,
  row: RecordingRow,
  sha256: string,
  after: string | undefined,
): Generator<string, undefined, undefined> {
  const isFirst = after === undefined && row.key === undefined;
  if (isFirst) yield recordingKey(deps.prefix, deps.extracted, row.path);
  const keys = recordingKeys(deps, row, sha256);
  const from = after === undefined ? Math.max(0, keys.indexOf(row.key ?? '')) : keys.indexOf(after) + 1;
  yield* keys.slice(isFirst ? 1 : from);
  return undefined;
}

function everyKeyTaken({ path }: RecordingRow): WavspoolError {
  return new WavspoolError('KEY_TAKEN', `${path}: other recordings have every key that it may get`);
}

/** Where the bucket already holds a recording whose file can't be uploaded any more. Throws a store fault. */
async function findStored(
  deps: UploadDeps,
  row: RecordingRow,
  signal: AbortSignal,
  after: string | undefined,
): Promise<({ readonly identity: Identity } & KeyAndPut) | undefined> {
  const identity = identityInRow(row) ?? (await identityInBucket(deps, row, signal));
  if (identity === undefined) return undefined;
  let isAny = false;
  for (const key of keysBehind(deps, row, identity.sha256, after)) {
    isAny = true;
    const put = await deps.store
      .objectIfThere({ key, path: row.path, ...identity }, signal)
      .catch(unlessTaken);
    if (put !== undefined) return { identity, key, put };
  }
  if (!isAny) throw everyKeyTaken(row);
  return undefined;
}

function unlessTaken(fault: unknown): undefined {
  if (faultCode(fault) !== 'KEY_TAKEN') throw fault;
  return undefined;
}

/** What the object under its own key says of itself, for a legacy row, which says nothing: believed if its bytes agree. */
async function identityInBucket(
  { store, prefix, extracted }: UploadDeps,
  { path }: RecordingRow,
  signal: AbortSignal,
): Promise<Identity | undefined> {
  const key = recordingKey(prefix, extracted, path);
  const head = await store.head(key, signal);
  const noted = head?.metadata['sha256'];
  if (head === undefined || noted === undefined) return undefined;
  const hash = createHash('sha256');
  for await (const chunk of await store.get(key, signal)) hash.update(chunk);
  const sha256 = hash.digest('hex');
  return sha256 === noted.toLowerCase() ? { size: head.size, sha256 } : undefined;
}

/** The second half: the row. Throws STATE_UNUSABLE, STATE_BUSY or DISK_FULL. */
export async function commitUpload(
  deps: Pick<UploadDeps, 'recordings' | 'report'>,
  row: RecordingRow,
  { object, alreadyThere, ms }: Stored,
): Promise<void> {
  await deps.recordings.stored(row.path, object);
  deps.report('recording uploaded', {
    recording: row.path,
    key: object.key,
    bytes: object.size,
    attempt: row.retryCount + 1,
    ms,
    alreadyThere,
  });
}

function identityInRow({ size, sha256 }: RecordingRow): Identity | undefined {
  return size === undefined || sha256 === undefined ? undefined : { size, sha256 };
}

/** What the row says the recording is; a legacy row says nothing, so its file is hashed now, for the first time. */
async function identityOf(row: RecordingRow, signal: AbortSignal): Promise<Identity> {
  const known = identityInRow(row);
  if (known !== undefined) return known;
  const hash = createHash('sha256');
  let size = 0;
  try {
    for await (const chunk of createReadStream(row.path, { signal, highWaterMark: 1 << 20 })) {
      hash.update(chunk as Buffer);
      size += (chunk as Buffer).length;
    }
  } catch (error) {
    const errno = errnoOf(error);
    if (signal.aborted || errno === undefined) throw error;
    throw unreadable(row.path, errno, error);
  }
  return { size, sha256: hash.digest('hex') };
}

function metadataOf(row: RecordingRow, sha256: string, incoming: string): Record<string, string> {
  const metadata: Record<string, string> = { sha256 };
  if (row.tar !== undefined) metadata['tar'] = pathBelow(incoming, row.tar) ?? relative(incoming, row.tar);
  if (row.wav === undefined) return metadata;
  if (!row.wav.valid) metadata['wav'] = 'invalid';
  if (row.wav.durationMs !== undefined) metadata['duration-ms'] = String(row.wav.durationMs);
  if (row.wav.codec !== undefined) metadata['codec'] = row.wav.codec;
  if (row.wav.sampleRate !== undefined) metadata['sample-rate'] = String(row.wav.sampleRate);
  if (row.wav.channels !== undefined) metadata['channels'] = String(row.wav.channels);
  return metadata;
}
