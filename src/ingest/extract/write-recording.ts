import { closeSync, openSync, rmSync, writeSync } from 'node:fs';
import { temporaryPath } from '../../platform/runtime/index.ts';
import { hashRecording, type HashedRecording } from './hash-recording.ts';

export interface WrittenRecording extends HashedRecording {
  readonly temporary: string;
}

/**
 * Writes one member to a temporary file in `directory` while hashing it and reading its WAV header: one pass, memory
 * independent of its size. `onBytes` is told of every chunk before it is written and may throw. Throws the system's errors; the
 * file is gone then.
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
  try {
    const hashed = await hashRecording(body, (chunk) => {
      onBytes(chunk.length);
      writeAll(file, chunk);
    });
    return { ...hashed, temporary };
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  } finally {
    closeSync(file);
  }
}

/** write(2) may stop half-way, as at the end of the disk; the next call then says why. */
function writeAll(file: number, bytes: Uint8Array): void {
  for (let written = 0; written < bytes.length;) written += writeSync(file, bytes, written);
}
