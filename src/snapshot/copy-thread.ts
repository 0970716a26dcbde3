import { rm, stat } from 'node:fs/promises';
import { WavspoolError } from '../faults.ts';
import { serveOffLoop, sha256OfFile, syncFile, type Compression } from '../runtime/index.ts';
import { copyPinned, integrityFaults, openCopy, openForeign, pin, settleCopy } from '../sqlite/index.ts';
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
  readonly tables: number;
  readonly rows: number;
}

serveOffLoop(copy);

/** Copies the database from one pinned read, stores it, and reads the stored form back before it says that it is good. */
async function copy(job: CopyJob, signal: AbortSignal): Promise<Copied> {
  const { raw, packed, compress } = job;
  const facts = await copyOut(job, signal);
  settleCopy(raw);
  await syncFile(raw);
  const { size: rawBytes } = await stat(raw);
  const rawSha256 = await sha256OfFile(raw, signal);
  const stored = compress === 'none' ? raw : packed;
  if (compress !== 'none') {
    await compressFile(raw, packed, compress, signal);
    await syncFile(packed);
    await rm(raw);
  }
  await readBack(job, { facts, sha256: rawSha256 }, signal);
  const { size: bytes } = await stat(stored);
  const rows = Object.values(facts.rows);
  return {
    stored,
    bytes,
    rawBytes,
    sha256: compress === 'none' ? rawSha256 : await sha256OfFile(packed, signal),
    tables: rows.length,
    rows: rows.reduce((sum, count) => sum + count, 0),
  };
}

async function copyOut({ source, raw, asserts }: CopyJob, signal: AbortSignal): Promise<Facts> {
  const db = openForeign(source);
  try {
    pin(db);
    const facts = readFacts(db, asserts);
    await copyPinned(db, raw, signal);
    return facts;
  } finally {
    db.close();
  }
}

async function readBack(
  { source, raw, packed, unpacked, compress, asserts }: CopyJob,
  expected: { facts: Facts; sha256: string },
  signal: AbortSignal,
): Promise<void> {
  const readable = compress === 'none' ? raw : unpacked;
  if (compress !== 'none') {
    await decompressFile(packed, unpacked, compress, signal);
    if ((await sha256OfFile(unpacked, signal)) !== expected.sha256) {
      throw new WavspoolError('SNAPSHOT_BAD', `${packed} does not hold what was compressed into it`);
    }
  }
  const db = openCopy(readable);
  try {
    const [fault] = integrityFaults(db);
    // page for page it is what was read, so the fault was there before
    if (fault !== undefined) throw new WavspoolError('DATABASE_DAMAGED', `${source} is damaged: ${fault}`);
    compareFacts(readable, expected.facts, readFacts(db, asserts));
  } finally {
    db.close();
  }
  if (readable === unpacked) await rm(unpacked);
}
