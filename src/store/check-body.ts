import { hash, randomUUID } from 'node:crypto';
import { PutObjectCommand } from '@aws-sdk/client-s3';
import { type StoreDeps, removeObject } from './objects.ts';
import { presetPayloadHash } from './payload-hash.ts';
import { S3Fault } from './s3-faults.ts';

/** A network that lets small requests through and no bodies shows it within these; the slowest line takes them in 8 s. */
const MOST_BYTES = 128 * 1024;
const WRONG_SHA256 = hash('sha256', 'not these bytes', 'hex');

/**
 * Finds out whether a body of so many bytes (128 KiB at most) gets through. It is sent with a hash that is not its own: a
 * store that serves reads it to its end and refuses it, so that nothing is left. Throws what else the store says.
 */
export async function checkBody(deps: StoreDeps, bytes: number, signal: AbortSignal): Promise<void> {
  const { settings, connection } = deps;
  const size = Math.min(bytes, MOST_BYTES);
  const key = `${settings.prefix}.wavspool-probe/${randomUUID()}`;
  const command = new PutObjectCommand({
    Bucket: settings.bucket,
    Key: key,
    Body: Buffer.alloc(size),
    ContentLength: size,
  });
  presetPayloadHash(command, WRONG_SHA256);
  const what = `PUT ${key}`;
  try {
    await connection.send(
      { what, bytes: size, run: (client, options) => client.send(command, options) },
      signal,
    );
  } catch (error) {
    if (error instanceof S3Fault && error.code === 'HASH_REFUSED') return;
    throw error;
  }
  await removeObject(deps, key, signal); // from a store that does not look at what it is sent
}
