import { PutObjectCommand } from '@aws-sdk/client-s3';
import type { ObjectToPut, PutReceipt } from './object-store.ts';
import { type StoreDeps, requireField, storedAs } from './objects.ts';
import { presetPayloadHash } from './payload-hash.ts';
import { readRecording } from './recording-bytes.ts';

/**
 * Sends a recording in one request, its described SHA-256 being the signed payload hash (P4). `onlyIfAbsent` makes it
 * conditional (P5): KEY_TAKEN when the key holds anything. Throws as readRecording does, else a store fault.
 */
export async function putWhole(
  { settings, connection, budget, bodies }: StoreDeps,
  object: ObjectToPut,
  onlyIfAbsent: boolean,
  signal: AbortSignal,
): Promise<PutReceipt> {
  using held = await budget.acquire(object.size, signal);
  const memory = bodies.take(object.size);
  const bytes = await readRecording(object, memory);
  const command = new PutObjectCommand({
    ...storedAs(settings, object),
    Body: bytes,
    ContentLength: bytes.length,
    ...(onlyIfAbsent && { IfNoneMatch: '*' }),
    // beside the signed hash where it is certain to be known; some S3-compatible stores answer it with an error
    ...(settings.endpoint === undefined && {
      ChecksumSHA256: Buffer.from(object.sha256, 'hex').toString('base64'),
    }),
  });
  presetPayloadHash(command, object.sha256);
  const what = `PUT ${object.key}`;
  const answer = await connection.send(
    { what, bytes: held.weight, run: (client, options) => client.send(command, options) },
    signal,
  );
  const etag = requireField(answer.ETag, 'ETag', what, connection);
  bodies.giveBack(memory); // S3 has all of it
  return { etag, versionId: answer.VersionId, alreadyThere: false };
}
