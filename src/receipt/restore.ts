import { join, relative } from 'node:path';
import { WavspoolError } from '../faults.ts';
import { parseTime, sqlTimestamp } from '../runtime/index.ts';
import type { RestoredTar, StateStore } from '../state/index.ts';
import type { ObjectStore } from '../store/index.ts';
import { readReceipts, readStored, type StoredReceipt } from './stored.ts';

export interface RestoreDeps {
  readonly state: Pick<StateStore, 'restoreTar'>;
  readonly store: Pick<ObjectStore, 'list' | 'get'>;
  readonly site: string;
  readonly prefix: string;
  readonly incoming: string;
  readonly extracted: string;
}

export interface Restored {
  readonly receipts: number;
  /** Rows that were not there. */
  readonly recordings: number;
  readonly ofOtherSites: number;
  readonly invalid: readonly { readonly key: string; readonly reason: string }[];
}

type Valid = Extract<StoredReceipt, { kind: 'receipt' }>;

/**
 * Writes into state.db what the site's receipts tell of tars and recordings it has no rows of; rows that are there stay as
 * they are. Safe to repeat. Throws a store fault.
 */
export async function restoreFromReceipts(deps: RestoreDeps, signal: AbortSignal): Promise<Restored> {
  const invalid: { key: string; reason: string }[] = [];
  const order: { readonly seq: number; readonly key: string }[] = [];
  let ofOtherSites = 0;
  for await (const stored of readReceipts(deps.store, deps.prefix, signal)) {
    if (stored.kind === 'invalid') invalid.push(stored);
    else if (stored.receipt.site !== deps.site) ofOtherSites += 1;
    else order.push({ seq: stored.receipt.seq, key: stored.key });
  }
  let recordings = 0;
  // the first tar that brought a recording owns its row, so they go in the order in which they were written
  for (const { key } of order.toSorted((a, b) => a.seq - b.seq)) {
    const stored = await readStored(deps.store, key, signal);
    if (stored.kind === 'receipt') recordings += await deps.state.restoreTar(rowsOf(deps, stored));
    else invalid.push(stored);
  }
  return { receipts: order.length, recordings, ofOtherSites, invalid };
}

function rowsOf(deps: RestoreDeps, { key, sha256, receipt }: Valid): RestoredTar {
  const { tar } = receipt;
  const pathBelow = (directory: string, name: string): string => {
    const path = join(directory, name);
    if (relative(directory, path) === name) return path; // nothing in a bucket leads out of the directory
    throw new WavspoolError('RECEIPT_INVALID', `${key}: ${name} is no path below ${directory}`);
  };
  const pathOf = (recordingKey: string): string => {
    if (recordingKey.startsWith(deps.prefix))
      return pathBelow(deps.extracted, recordingKey.slice(deps.prefix.length));
    throw new WavspoolError(
      'RECEIPT_INVALID',
      `${key}: the recording ${recordingKey} is not below s3.prefix (${deps.prefix})`,
    );
  };
  const recordings = receipt.recordings.map((recording) => ({
    path: pathOf(recording.key),
    member: recording.name,
    key: recording.key,
    size: recording.size,
    sha256: recording.sha256,
    etag: recording.etag,
    versionId: recording.versionId ?? undefined,
    durationMs: recording.durationMs ?? undefined,
    timestamp: sqlTimestamp(parseTime(recording.uploadedAt)),
  }));
  return {
    path: pathBelow(deps.incoming, tar.path),
    size: tar.size,
    mtimeMs: parseTime(tar.modified),
    sha256: tar.sha256,
    timestamp: recordings.at(-1)?.timestamp ?? sqlTimestamp(parseTime(tar.modified)),
    receipt: { seq: receipt.seq, key, sha256, tarSha256: tar.sha256 },
    recordings,
  };
}
