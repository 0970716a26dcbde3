import { checksumHeaders } from './checksums.ts';
import type { ObjectToPut, PutResult } from './object-store.ts';
import { type StoreDeps, headersOf, requireField } from './objects.ts';
import { readRecording } from './recording-bytes.ts';

/**
 * Sends a recording in one request, its described SHA-256 being the signed payload hash (P4). `onlyIfAbsent` makes it
 * conditional (P5): KEY_TAKEN when the key holds anything. Throws as readRecording does, else a store fault.
 */
export async function putWhole(
  { settings, connection, budget, bodies, read, checksums }: StoreDeps,
  object: ObjectToPut,
  onlyIfAbsent: boolean,
  signal: AbortSignal,
): Promise<PutResult> {
  using admitted = new DisposableStack();
  admitted.use(await budget.acquire(object.size, signal));
  const memory = bodies.take(object.size);
  const body = await readRecording(object, memory, read);
  const headers = { ...headersOf(settings, object), ...(onlyIfAbsent && { 'if-none-match': '*' }) };
  const what = `PUT ${object.key}`;
  const { key, sha256 } = object;
  const answer = await checksums.whole.run((checksum) => {
    const put = { key, headers: { ...headers, ...checksumHeaders(checksum, body, sha256) }, body, sha256 };
    return connection.put(what, put, signal);
  });
  const etag = requireField(answer.etag, 'ETag', what, connection);
  bodies.giveBack(memory); // S3 has all of it
  return { etag, versionId: answer.versionId, alreadyThere: false };
}
