import { createHash } from 'node:crypto';
import { open } from 'node:fs/promises';
import { temporaryPath } from '../runtime/index.ts';
import type { WavFacts } from '../state/index.ts';
import { createWavHeaderReader } from './wav-header.ts';

export interface WrittenRecording {
  readonly temporary: string;
  readonly size: number;
  readonly sha256: string;
  readonly wav: WavFacts;
  /** Resolves when the bytes are on disk; must be awaited before the file gets its name (P3). */
  readonly synced: Promise<void>;
}

/**
 * Writes one member to a temporary file in `directory` while hashing it and reading its WAV header: one pass, memory
 * independent of its size. `onBytes` is told of every chunk before it is written and may throw. Throws the system's errors.
 */
export async function writeRecording(
  directory: string,
  body: AsyncIterable<Uint8Array>,
  onBytes: (bytes: number) => void,
): Promise<WrittenRecording> {
  const temporary = temporaryPath(directory);
  const file = await open(temporary, 'wx', 0o640);
  const hash = createHash('sha256');
  const header = createWavHeaderReader();
  let size = 0;
  try {
    for await (const chunk of body) {
      onBytes(chunk.length);
      hash.update(chunk);
      header.push(chunk);
      await file.writeFile(chunk); // at the handle's position: it appends, and unlike write() it never stops half-way
      size += chunk.length;
    }
  } catch (error) {
    await file.close();
    throw Object.assign(error instanceof Error ? error : new Error(String(error)), { temporary });
  }
  const synced = syncAndClose(file);
  synced.catch(() => undefined); // the caller awaits it later; until then a failure is not unhandled
  return { temporary, size, sha256: hash.digest('hex'), wav: header.finish(size), synced };
}

async function syncAndClose(file: { sync(): Promise<void>; close(): Promise<void> }): Promise<void> {
  try {
    await file.sync();
  } finally {
    await file.close();
  }
}
