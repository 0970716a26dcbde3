import { createHash } from 'node:crypto';
import { WavspoolError } from '../../domain/faults.ts';
import type { RecordingRow } from '../../domain/recording.ts';
import type { ReceiptLedger, RecordingLedger } from '../../domain/ledger.ts';
import type { TarRow } from '../../domain/tar.ts';
import type { ObjectStore } from '../../platform/s3/index.ts';
import { recordingKey } from '../upload/index.ts';

export interface ProofDeps {
  readonly ledger: {
    readonly recordings: Pick<RecordingLedger, 'stored'>;
    readonly receipts: Pick<ReceiptLedger, 'recordingsOf'>;
  };
  readonly store: Pick<ObjectStore, 'head' | 'get'>;
  readonly prefix: string;
  readonly extracted: string;
}

/**
 * A legacy row says SUCCESS and nothing of the object: it is looked at now, for a receipt vouches for it. Throws
 * OBJECT_MISSING or KEY_TAKEN for an object that is not the recording.
 */
export async function proveLegacy(deps: ProofDeps, tar: TarRow, signal: AbortSignal): Promise<void> {
  const unproved: RecordingRow[] = [];
  for await (const page of deps.ledger.receipts.recordingsOf(tar))
    unproved.push(...page.filter(({ etag, key }) => etag === undefined || key === undefined));
  for (const row of unproved) {
    const key = row.key ?? recordingKey(deps.prefix, deps.extracted, row.path);
    const { size, sha256 } = row;
    if (size === undefined || sha256 === undefined)
      throw new WavspoolError('OBJECT_MISSING', `nothing is known of the bytes of ${row.path}`);
    const head = await deps.store.head(key, signal);
    if (head === undefined)
      throw new WavspoolError('OBJECT_MISSING', `the row of ${row.path} is SUCCESS, and ${key} is not there`);
    if ((await sha256OfObject(deps.store, key, head.metadata['sha256'], signal)) !== sha256)
      throw new WavspoolError('KEY_TAKEN', `${key} is not the recording ${row.path}: its bytes differ`);
    const { etag, versionId } = head;
    await deps.ledger.recordings.stored(row.path, { key, size, sha256, etag, versionId });
  }
}

/** As its metadata says, else by its bytes. */
async function sha256OfObject(
  store: ProofDeps['store'],
  key: string,
  said: string | undefined,
  signal: AbortSignal,
): Promise<string> {
  if (said !== undefined) return said;
  const hash = createHash('sha256');
  for await (const chunk of await store.get(key, signal)) hash.update(chunk);
  return hash.digest('hex');
}
