import { constants, copyFile, rm, stat } from 'node:fs/promises';
import { WavspoolError } from '../../domain/faults.ts';
import { compressionOf, serveOffLoop, sha256OfFile } from '../../platform/runtime/index.ts';
import { integrityFaults, openCopy } from '../../platform/sqlite/index.ts';
import { decompressFile } from './stored-form.ts';

export interface CheckJob {
  readonly path: string;
  /** The SHA-256 that it may have; none when none is known. */
  readonly hashes: readonly string[];
  /** A new file: what the snapshot holds, uncompressed. It stays only if `keep` is set. */
  readonly scratch: string;
  readonly keep: boolean;
}

serveOffLoop(check);

/** Reads a snapshot as a restore would. Throws SNAPSHOT_BAD with what is wrong with it. */
async function check({ path, hashes, scratch, keep }: CheckJob, signal: AbortSignal): Promise<null> {
  if (!(await stat(path)).isFile()) throw new WavspoolError('SNAPSHOT_BAD', `${path} is no file`);
  const sha256 = await sha256OfFile(path, signal);
  if (hashes.length > 0 && !hashes.includes(sha256)) {
    throw new WavspoolError(
      'SNAPSHOT_BAD',
      `${path} has changed since it was made: its SHA-256 is ${sha256}, noted is ${hashes.join(' or ')}`,
    );
  }
  let isGood = false;
  try {
    const compress = compressionOf(path);
    // a copy in any case: a database in WAL mode cannot be read without files made beside it
    await (compress === 'none'
      ? copyFile(path, scratch, constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE)
      : decompressFile(path, scratch, compress, signal));
    const fault = faultOf(scratch);
    if (fault !== undefined) throw new WavspoolError('SNAPSHOT_BAD', `${path} is damaged: ${fault}`);
    isGood = true;
    return null;
  } finally {
    if (!keep || !isGood) for (const part of ['', '-wal', '-shm']) await rm(scratch + part, { force: true });
  }
}

function faultOf(path: string): string | undefined {
  try {
    const db = openCopy(path);
    try {
      return integrityFaults(db)[0];
    } finally {
      db.close();
    }
  } catch (error) {
    if (error instanceof WavspoolError && error.code.startsWith('DATABASE_')) return error.message;
    throw error;
  }
}
