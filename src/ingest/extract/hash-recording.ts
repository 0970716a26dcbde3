import { createHash } from 'node:crypto';
import type { WavFacts } from '../../domain/recording.ts';
import { createWavHeaderReader } from './wav-header.ts';

/** What there is to know of a recording's bytes. */
export interface HashedRecording {
  readonly size: number;
  readonly sha256: string;
  readonly wav: WavFacts;
}

/**
 * Hashes a member that stays where it is and reads its WAV header: one pass, memory independent of its size. `onBytes` is told of every
 * chunk and may throw.
 */
export async function hashRecording(
  body: AsyncIterable<Uint8Array>,
  onBytes: (bytes: number) => void,
): Promise<HashedRecording> {
  const hash = createHash('sha256');
  const header = createWavHeaderReader();
  let size = 0;
  for await (const chunk of body) {
    onBytes(chunk.length);
    hash.update(chunk);
    header.push(chunk);
    size += chunk.length;
  }
  return { size, sha256: hash.digest('hex'), wav: header.finish(size) };
}
