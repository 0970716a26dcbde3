import { hash, randomUUID } from 'node:crypto';
import { checksumHeaders } from './checksums.ts';
import { type StoreDeps, headersOf, removeObject, requireField } from './objects.ts';
import { S3Fault } from './s3-faults.ts';

/** A network that lets small requests through and no bodies shows it within these; the slowest line takes them in 8 s. */
const MOST_BYTES = 128 * 1024;
const WRONG_SHA256 = hash('sha256', 'not these bytes', 'hex');
const WRITTEN = Buffer.from('wavspool was here, and removes this again');

/**
 * Finds out whether a body of so many bytes (128 KiB at most) gets through, with the headers that every recording has. It is
 * sent with a hash that is not its own: a store that serves reads it to its end and refuses it, so that nothing is left. Throws
 * what else the store says.
 */
export async function checkBody(deps: StoreDeps, bytes: number, signal: AbortSignal): Promise<void> {
  const key = `${deps.settings.prefix}.wavspool-probe/${randomUUID()}`;
  try {
    await putProbe(deps, key, Buffer.alloc(Math.min(bytes, MOST_BYTES)), WRONG_SHA256, signal);
  } catch (error) {
    if (error instanceof S3Fault && error.code === 'HASH_REFUSED') return;
    throw error;
  }
  await removeObject(deps, key, signal); // from a store that does not look at what it is sent
}

/**
 * Finds out whether the store really writes: a store can refuse a wrong hash and yet not store a right one. One small object,
 * always the same, that is removed again; where removing is not allowed, it stays, and is written over the next time.
 */
export async function checkWrite(deps: StoreDeps, signal: AbortSignal): Promise<void> {
  const key = `${deps.settings.prefix}.wavspool-probe/write`;
  await putProbe(deps, key, WRITTEN, hash('sha256', WRITTEN, 'hex'), signal);
  try {
    await removeObject(deps, key, signal);
  } catch (error) {
    if (!(error instanceof S3Fault && error.code === 'STORE_CREDENTIALS')) throw error;
  }
}

async function putProbe(
  { settings, connection, checksums }: StoreDeps,
  key: string,
  body: Buffer,
  sha256: string,
  signal: AbortSignal,
): Promise<void> {
  const what = `PUT ${key}`;
  const own = hash('sha256', body, 'hex');
  const headers = headersOf(settings, { contentType: 'audio/wav', metadata: {}, sha256: own });
  const answer = await checksums.whole.run((checksum) =>
    connection.put(
      what,
      { key, headers: { ...headers, ...checksumHeaders(checksum, body, own) }, body, sha256 },
      signal,
    ),
  );
  requireField(answer.etag, 'ETag', what, connection);
}
