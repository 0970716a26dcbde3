import { lookAt, versionOf } from '../../ingest/arrival/index.ts';
import { extractTar, type ExtractDeps } from '../../ingest/extract/index.ts';
import { messageOf } from '../../domain/faults.ts';
import { sha256IfThere } from '../../platform/runtime/index.ts';
import type { RecordingRow } from '../../domain/recording.ts';
import type { TarVersion } from '../../domain/tar.ts';
import type { Ledger } from '../../domain/ledger.ts';
import type { ObjectStore } from '../../platform/s3/index.ts';
import { uploadRecording, type UploadDeps } from '../../ingest/upload/index.ts';
import type { Finding } from './compare.ts';

/** Objects that had a recording's key and were not that recording are kept below `<prefix>.altered/`. */
export const ASIDE = '.altered/';

export interface RepairDeps {
  readonly ledger: Pick<Ledger, 'tars' | 'recordings' | 'receipts'>;
  readonly store: ObjectStore;
  readonly extract: ExtractDeps;
  readonly upload: UploadDeps;
}

export type Repair =
  | { readonly kind: 'repaired'; readonly how: string }
  | { readonly kind: 'not repaired'; readonly why: string };

/**
 * Brings back what is missing or differs, from the extracted file or else from its tar. An object with other bytes is
 * moved to `<prefix>.altered/` first, never overwritten. Says why where nothing can be done, and changes nothing then.
 */
export async function repairFinding(
  deps: RepairDeps,
  finding: Finding,
  signal: AbortSignal,
): Promise<Repair> {
  try {
    if (finding.recording === undefined) return await repairTar(deps, finding, signal);
    const row = await deps.ledger.recordings.get(finding.recording);
    if (row === undefined || (finding.sign !== '-' && finding.sign !== '*')) {
      return { kind: 'not repaired', why: 'there is nothing to repair it from' };
    }
    return await repairRecording(deps, row, finding, signal);
  } catch (error) {
    if (signal.aborted) throw error;
    return { kind: 'not repaired', why: messageOf(error) };
  }
}

async function repairRecording(
  deps: RepairDeps,
  row: RecordingRow,
  finding: Finding,
  signal: AbortSignal,
): Promise<Repair> {
  const sha256 = await sha256IfThere(row.path);
  // a legacy row noted no hash: where the bucket has nothing under its key, its file is all that there is
  const isIts = row.sha256 === undefined ? finding.sign === '-' : sha256 === row.sha256;
  const fileThere = sha256 !== undefined && isIts;
  const tar = row.tar === undefined ? undefined : await tarAsItWas(deps, row.tar);
  if (!fileThere && tar === undefined) {
    return { kind: 'not repaired', why: 'neither its file nor its tar is on this host as it was' };
  }
  if (finding.sign === '*') await setAside(deps, finding.key, signal);
  await deps.ledger.recordings.reopen(row.path);
  if (!fileThere && tar !== undefined) await extractTar(deps.extract, tar, signal);
  await upload(deps, row.path, signal);
  return {
    kind: 'repaired',
    how: fileThere ? 'uploaded again' : 'extracted from its tar and uploaded again',
  };
}

/** The tar at `path`, if it is the version that was extracted, byte for byte. */
async function tarAsItWas({ ledger }: RepairDeps, path: string): Promise<TarVersion | undefined> {
  const { size, mtimeMs, sha256 } = (await ledger.tars.get(path)) ?? {};
  if (size === undefined || mtimeMs === undefined || sha256 === undefined) return undefined;
  return (await sha256IfThere(path)) === sha256 ? { path, size, mtimeMs } : undefined;
}

/** A tar without rows, or with too few: extracting it again makes them. */
async function repairTar(deps: RepairDeps, finding: Finding, signal: AbortSignal): Promise<Repair> {
  if (finding.tar === undefined) return { kind: 'not repaired', why: 'only a person can say what it is' };
  const version = await lookAt(finding.tar);
  if (version === undefined) return { kind: 'not repaired', why: 'the tar is not on this host any more' };
  await extractTar(deps.extract, versionOf(version), signal);
  const tar = await deps.ledger.tars.get(finding.tar);
  let uploaded = 0;
  if (tar === undefined) return { kind: 'not repaired', why: 'its rows are gone again' };
  for await (const page of deps.ledger.receipts.recordingsOf(tar))
    for (const row of page) {
      if (row.status !== 'PENDING') continue;
      await upload(deps, row.path, signal);
      uploaded += 1;
    }
  return { kind: 'repaired', how: `extracted, and ${uploaded} of its recordings uploaded` };
}

async function upload(deps: RepairDeps, path: string, signal: AbortSignal): Promise<void> {
  const row = await deps.ledger.recordings.get(path);
  if (row !== undefined && row.status !== 'SUCCESS') await uploadRecording(deps.upload, row, signal);
}

async function setAside({ store, upload }: RepairDeps, key: string, signal: AbortSignal): Promise<void> {
  const there = await store.head(key, signal);
  if (there === undefined) return;
  const version = there.etag.replaceAll(/[^A-Za-z0-9-]/g, '');
  await store.move(key, `${upload.prefix}${ASIDE}${key.slice(upload.prefix.length)}.${version}`, signal);
}
