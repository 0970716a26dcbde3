import { rm, stat } from 'node:fs/promises';
import { WavspoolError } from '../../domain/faults.ts';
import { serveOffLoop, sha256OfFile, syncFile, type Compression } from '../../platform/runtime/index.ts';
import {
  checkIntegrity,
  copyPinned,
  journalModeIn,
  openCopy,
  openForeign,
  pin,
  consolidateCopy,
} from '../../platform/sqlite/index.ts';
import { compareFacts, readFacts, type Facts } from './check-database.ts';
import { compressFile, decompressFile } from './stored-form.ts';

export interface CopyJob {
  /** The live database. */
  readonly source: string;
  /** New files, all in the directory that the snapshot is for. */
  readonly raw: string;
  readonly packed: string;
  readonly unpacked: string;
  readonly compress: Compression;
  readonly asserts: readonly string[];
}

export interface Copied {
  /** Which of the job's files is the complete, verified, synced snapshot. */
  readonly stored: string;
  readonly bytes: number;
  /** Bytes before compression. */
  readonly rawBytes: number;
  /** Of the stored form, lower-case hex. */
  readonly sha256: string;
  /** Of each table. */
  readonly rows: Readonly<Record<string, number>>;
  readonly journalMode: string;
  /** What could not be checked without its owner's own functions. */
  readonly unchecked: readonly string[];
}

serveOffLoop(copy);

/** Copies the database from one pinned read, stores it, and reads the stored form back before it says that it is good. */
async function copy(job: CopyJob, signal: AbortSignal): Promise<Copied> {
  const { raw, packed, compress } = job;
  const { facts, journalMode } = await copyOut(job, signal);
  // a compressed copy is unpacked into the place of its database; a plain one is read where it lies, without files beside it
  consolidateCopy(raw, compress === 'none' ? 'delete' : journalMode);
  await syncFile(raw);
  const { size: rawBytes } = await stat(raw);
  const rawSha256 = await sha256OfFile(raw, signal);
  const stored = compress === 'none' ? raw : packed;
  if (compress !== 'none') {
    await compressFile(raw, packed, compress, signal);
    await syncFile(packed);
    await rm(raw);
  }
  const unchecked = await readBack(job, { facts, sha256: rawSha256 }, signal);
  const { size: bytes } = await stat(stored);
  return {
    stored,
    bytes,
    rawBytes,
    sha256: compress === 'none' ? rawSha256 : await sha256OfFile(packed, signal),
    rows: facts.rows,
    journalMode,
    unchecked,
  };
}

async function copyOut(
  { source, raw, asserts }: CopyJob,
  signal: AbortSignal,
): Promise<{ readonly facts: Facts; readonly journalMode: string }> {
  const db = openForeign(source);
  try {
    const journalMode = journalModeIn(db);
    pin(db);
    const facts = readFacts(db, asserts);
    await copyPinned(db, raw, signal);
    return { facts, journalMode };
  } finally {
    db.close();
  }
}

async function readBack(
  { source, raw, packed, unpacked, compress, asserts }: CopyJob,
  expected: { facts: Facts; sha256: string },
  signal: AbortSignal,
): Promise<readonly string[]> {
  const readable = compress === 'none' ? raw : unpacked;
  if (compress !== 'none') {
    await decompressFile(packed, unpacked, compress, signal);
    if ((await sha256OfFile(unpacked, signal)) !== expected.sha256) {
      throw new WavspoolError('SNAPSHOT_BAD', `${packed} does not hold what was compressed into it`);
    }
  }
  const db = openCopy(readable);
  try {
    const { faults, unchecked } = checkIntegrity(db);
    // page for page it is what was read, so the fault was there before
    if (faults[0] !== undefined)
      throw new WavspoolError('DATABASE_DAMAGED', `${source} is damaged: ${faults[0]}`);
    compareFacts(readable, expected.facts, readFacts(db, asserts));
    return [...unchecked, ...expected.facts.uncounted];
  } finally {
    db.close();
    if (readable === unpacked) await rm(unpacked, { force: true });
  }
}
