import { createHash } from 'node:crypto';
import type { WavFacts } from '../../domain/recording.ts';
import { createWavHeaderReader } from './wav-header.ts';

/** What there is to know of a recording's bytes. */
export interface HashedRecording {
  readonly size: number;
  readonly sha256: string;
  readonly wav: WavFacts;
}

/** Hashes a member and reads its WAV header: one pass, memory independent of its size. `onChunk` sees every chunk first, and may throw. */
export async function hashRecording(
  body: AsyncIterable<Uint8Array>,
  onChunk: (chunk: Uint8Array) => void,
): Promise<HashedRecording> {
  const hash = createHash('sha256');
  const header = createWavHeaderReader();
  let size = 0;
  for await (const chunk of body) {
    onChunk(chunk);
    hash.update(chunk);
    header.push(chunk);
    size += chunk.length;
  }
  return { size, sha256: hash.digest('hex'), wav: header.finish(size) };
}
