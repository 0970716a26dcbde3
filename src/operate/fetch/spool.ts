import { createHash } from 'node:crypto';
import { open, rm } from 'node:fs/promises';
import type { RecordingRow } from '../../domain/recording.ts';
import { FAULTS, faultCode, messageOf } from '../../domain/faults.ts';
import type { ObjectStore } from '../../platform/s3/index.ts';

/** What came back of a recording: its bytes in the file, or why it could not be proven. */
export type Spooled =
  | { readonly ok: true; readonly bytes: number }
  | { readonly ok: false; readonly why: string };

/**
 * Downloads a recording into a file that must not be there, and hashes it on the way. Nothing is left of one that is not what its row
 * says. Throws a store fault when the store as a whole cannot answer.
 */
export async function spool(
  store: Pick<ObjectStore, 'get'>,
  { key, size, sha256 }: RecordingRow,
  file: string,
  signal: AbortSignal,
): Promise<Spooled> {
  if (key === undefined || sha256 === undefined)
    return { ok: false, why: 'its row has no key or no SHA-256, so nothing can be proven' };
  const outcome = await download(store, key, file, signal);
  const why =
    'why' in outcome
      ? outcome.why
      : outcome.bytes !== size
        ? `the object has ${outcome.bytes} bytes, its row says ${size}`
        : outcome.sha256 === sha256
          ? undefined
          : `the object's SHA-256 is ${outcome.sha256}, its row says ${sha256}`;
  if (why === undefined && 'bytes' in outcome) return { ok: true, bytes: outcome.bytes };
  await rm(file, { force: true });
  return { ok: false, why: why ?? '' };
}

async function download(
  store: Pick<ObjectStore, 'get'>,
  key: string,
  file: string,
  signal: AbortSignal,
): Promise<{ readonly bytes: number; readonly sha256: string } | { readonly why: string }> {
  const hash = createHash('sha256');
  let bytes = 0;
  await using handle = await open(file, 'wx', 0o600);
  try {
    for await (const chunk of await store.get(key, signal)) {
      hash.update(chunk);
      bytes += chunk.length;
      await handle.appendFile(chunk);
    }
  } catch (error) {
    if (signal.aborted || FAULTS[faultCode(error)].retry !== 'this one') {
      await rm(file, { force: true });
      throw error;
    }
    return { why: messageOf(error) };
  }
  await handle.sync();
  return { bytes, sha256: hash.digest('hex') };
}
