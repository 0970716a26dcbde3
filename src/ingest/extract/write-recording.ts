import { createHash } from 'node:crypto';
import { closeSync, openSync, writeSync } from 'node:fs';
import { temporaryPath } from '../../platform/runtime/index.ts';
import type { HashedRecording } from './hash-recording.ts';
import { createWavHeaderReader } from './wav-header.ts';

export interface WrittenRecording extends HashedRecording {
  readonly temporary: string;
}

/**
 * Writes one member to a temporary file in `directory` while hashing it and reading its WAV header: one pass, memory
 * independent of its size. `onBytes` is told of every chunk before it is written and may throw. Throws the system's errors.
 *
 * The file must be synced before it gets its name (P3). It is written without waiting: a write goes to the page cache, and
 * handing each to the thread pool costs several times as much.
 */
export async function writeRecording(
  directory: string,
  body: AsyncIterable<Uint8Array>,
  onBytes: (bytes: number) => void,
): Promise<WrittenRecording> {
  const temporary = temporaryPath(directory);
  const file = openSync(temporary, 'wx', 0o640);
  const hash = createHash('sha256');
  const header = createWavHeaderReader();
  let size = 0;
  try {
    for await (const chunk of body) {
      onBytes(chunk.length);
      hash.update(chunk);
      header.push(chunk);
      writeAll(file, chunk);
      size += chunk.length;
    }
  } catch (error) {
    throw Object.assign(error instanceof Error ? error : new Error(String(error)), { temporary });
  } finally {
    closeSync(file);
  }
  return { temporary, size, sha256: hash.digest('hex'), wav: header.finish(size) };
}

/** write(2) may stop half-way, as at the end of the disk; the next call then says why. */
function writeAll(file: number, bytes: Uint8Array): void {
  for (let written = 0; written < bytes.length;) written += writeSync(file, bytes, written);
}
