import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { relative } from 'node:path';
import type { Report } from '../events.ts';
import { WavspoolError, errnoOf, messageOf } from '../faults.ts';
import type { Clock } from '../runtime/index.ts';
import type { RecordingRow, StateStore, UploadReceipt } from '../state/index.ts';
import type { ObjectStore } from '../store/index.ts';
import type { Bandwidth } from './bandwidth.ts';
import { recordingKey } from './key.ts';

export interface UploadDeps {
  readonly state: Pick<StateStore, 'markSuccess'>;
  readonly store: Pick<ObjectStore, 'putIfAbsent'>;
  readonly bandwidth: Bandwidth;
  readonly clock: Clock;
  readonly report: Report;
  readonly prefix: string;
  readonly incoming: string;
  readonly extracted: string;
}

/** A recording that lies in the bucket, and whose row does not say so yet. */
export interface Stored {
  readonly receipt: UploadReceipt;
  readonly alreadyThere: boolean;
  readonly ms: number;
}

/** Uploads one recording and commits its receipt. Throws WavspoolError; `verdict` says what that means. Safe to repeat. */
export async function uploadRecording(
  deps: UploadDeps,
  row: RecordingRow,
  signal: AbortSignal,
): Promise<void> {
  await commitReceipt(deps, row, await putRecording(deps, row, signal));
}

/** The first half of {@link uploadRecording}: the object. A crash before the second half repeats a harmless PUT. */
export async function putRecording(
  deps: UploadDeps,
  row: RecordingRow,
  signal: AbortSignal,
): Promise<Stored> {
  const startedAt = deps.clock.monotonicMs();
  const key = recordingKey(deps.prefix, deps.extracted, row.path);
  const { size, sha256 } = await identity(row, signal);
  await deps.bandwidth.pass(size, signal);
  signal.throwIfAborted();
  const object = {
    key,
    path: row.path,
    size,
    sha256,
    metadata: metadataOf(row, sha256, deps.incoming),
    contentType: 'audio/wav',
  };
  const put = await deps.store.putIfAbsent(object, signal);
  return {
    receipt: { key, size, sha256, etag: put.etag, versionId: put.versionId },
    alreadyThere: put.alreadyThere,
    ms: Math.round(deps.clock.monotonicMs() - startedAt),
  };
}

/** The second half: the row. Throws STATE_UNUSABLE, STATE_BUSY or DISK_FULL. */
export async function commitReceipt(
  deps: Pick<UploadDeps, 'state' | 'report'>,
  row: RecordingRow,
  { receipt, alreadyThere, ms }: Stored,
): Promise<void> {
  await deps.state.markSuccess(row.path, receipt);
  deps.report('recording uploaded', {
    recording: row.path,
    key: receipt.key,
    bytes: receipt.size,
    attempt: row.retryCount + 1,
    ms,
    alreadyThere,
  });
}

/** What the row says the recording is; a row that was taken over says nothing, so its file is hashed now, for the first time. */
async function identity(row: RecordingRow, signal: AbortSignal): Promise<{ size: number; sha256: string }> {
  if (row.size !== undefined && row.sha256 !== undefined) return { size: row.size, sha256: row.sha256 };
  const hash = createHash('sha256');
  let size = 0;
  try {
    for await (const chunk of createReadStream(row.path, { signal, highWaterMark: 1 << 20 })) {
      hash.update(chunk as Buffer);
      size += (chunk as Buffer).length;
    }
  } catch (error) {
    if (signal.aborted) throw error;
    const missing = errnoOf(error) === 'ENOENT';
    throw new WavspoolError(
      missing ? 'RECORDING_MISSING' : 'FILE_UNREADABLE',
      `${row.path} cannot be read: ${messageOf(error)}`,
      { cause: error },
    );
  }
  return { size, sha256: hash.digest('hex') };
}

function metadataOf(row: RecordingRow, sha256: string, incoming: string): Record<string, string> {
  const metadata: Record<string, string> = { sha256 };
  if (row.tar !== undefined) metadata['tar'] = relative(incoming, row.tar);
  if (row.wav === undefined) return metadata;
  if (!row.wav.valid) metadata['wav'] = 'invalid';
  if (row.wav.durationMs !== undefined) metadata['duration-ms'] = String(row.wav.durationMs);
  if (row.wav.codec !== undefined) metadata['codec'] = row.wav.codec;
  if (row.wav.sampleRate !== undefined) metadata['sample-rate'] = String(row.wav.sampleRate);
  if (row.wav.channels !== undefined) metadata['channels'] = String(row.wav.channels);
  return metadata;
}
