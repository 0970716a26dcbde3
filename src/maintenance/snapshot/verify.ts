import { FAULTS, faultCode, messageOf } from '../../domain/faults.ts';
import { makeDirectory, offLoop, temporaryPath } from '../../platform/runtime/index.ts';
import { notedFacts, type Snapshot } from './catalogue.ts';
import type { CheckJob } from './check-thread.ts';

export interface Verdict {
  readonly ok: boolean;
  /** What is wrong with it, or what could not be told of it. */
  readonly reason?: string;
}

const CHECK_THREAD = new URL('check-thread.ts', import.meta.url);

/**
 * Reads a snapshot as a restore would: its SHA-256 against the one noted, decompressed, opened, `integrity_check`. `scratch`
 * is a directory with room for it. Throws DISK_FULL or FILE_UNREADABLE when it could not be found out.
 */
export async function verifySnapshot(
  { path }: Pick<Snapshot, 'path'>,
  scratch: string,
  signal: AbortSignal,
): Promise<Verdict> {
  await makeDirectory(scratch);
  const { hashes } = await notedFacts(path);
  try {
    await checkedCopy(path, hashes, temporaryPath(scratch), { keep: false }, signal);
    return hashes.length > 0
      ? { ok: true }
      : { ok: true, reason: 'no hash was noted when it was made: only its structure could be checked' };
  } catch (error) {
    if (FAULTS[faultCode(error)].cause !== 'damaged') throw error;
    return { ok: false, reason: messageOf(error) };
  }
}

/**
 * Checks the file at `path`, whose SHA-256 must be one of `hashes` if there are any, and with `keep` leaves what it holds,
 * uncompressed, in the new file `scratch`. Throws SNAPSHOT_BAD.
 */
export async function checkedCopy(
  path: string,
  hashes: readonly string[],
  scratch: string,
  { keep }: { keep: boolean },
  signal: AbortSignal,
): Promise<void> {
  const job: CheckJob = { path, hashes, scratch, keep };
  await offLoop<null>(CHECK_THREAD, job, signal);
}
