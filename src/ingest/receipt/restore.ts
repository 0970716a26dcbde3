import { join, relative } from 'node:path';
import { WavspoolError, faultCode, messageOf } from '../../domain/faults.ts';
import { parseTime, sqlTimestamp } from '../../platform/runtime/index.ts';
import type { RestoredTar, LedgerCatalogue } from '../../domain/ledger.ts';
import type { TarReceipt } from '../../domain/tar.ts';
import type { ObjectStore } from '../../platform/s3/index.ts';
import { chainFrom, type ChainLink } from './chain.ts';
import { linkOf, readReceipts, readStored, type StoredReceipt } from './stored.ts';

export interface RestoreDeps {
  readonly ledger: { readonly catalogue: Pick<LedgerCatalogue, 'restoreTar'> };
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
 * they are. With `after`, only what follows that receipt in the chain. Safe to repeat. Throws a store fault.
 */
export async function restoreFromReceipts(
  deps: RestoreDeps,
  signal: AbortSignal,
  after?: TarReceipt,
): Promise<Restored> {
  const invalid: { key: string; reason: string }[] = [];
  const links: ChainLink[] = [];
  let ofOtherSites = 0;
  const since = after === undefined ? 0 : await writtenAt(deps.store, after.key, signal);
  for await (const stored of readReceipts(deps.store, deps.prefix, signal, since)) {
    if (stored.kind === 'invalid') invalid.push(stored);
    else if (stored.receipt.site !== deps.site) ofOtherSites += 1;
    else links.push(linkOf(stored));
  }
  const { accepted, rejected } = chainFrom(links, after);
  for (const link of rejected) invalid.push(link);
  let receipts = 0;
  let recordings = 0;
  // the first tar that brought a recording owns its row, so they go in the order in which they were written
  for (const { key } of accepted) {
    try {
      const stored = await readStored(deps.store, deps.prefix, key, signal);
      if (stored.kind === 'invalid') throw new WavspoolError('RECEIPT_INVALID', stored.reason);
      recordings += await deps.ledger.catalogue.restoreTar(rowsOf(deps, stored));
      receipts += 1;
    } catch (error) {
      if (faultCode(error) !== 'RECEIPT_INVALID') throw error;
      invalid.push({ key, reason: messageOf(error) });
    }
  }
  return { receipts, recordings, ofOtherSites, invalid };
}

/** When the store got the object, in ms since 1970 by its own clock; 0 when it is not there. */
async function writtenAt(store: RestoreDeps['store'], key: string, signal: AbortSignal): Promise<number> {
  for await (const listed of store.list(key, signal)) if (listed.key === key) return listed.modified;
  return 0;
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
