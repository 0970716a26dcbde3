import { execFile } from 'node:child_process';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { makeTar } from '../test/support/tars.ts';
import { seededRandom } from '../test/support/wavs.ts';

const run = promisify(execFile);

/** What a run carries: so many recordings of that mean size in so many tars. */
export interface Load {
  readonly name: string;
  readonly recordings: number;
  readonly meanBytes: number;
  readonly tars: number;
}

/** The loads that are compared; sizes are log-normal, as calls are long and short. */
export const LOADS: readonly Load[] = [
  { name: '2,000 × 220 KB', recordings: 2000, meanBytes: 220_000, tars: 20 },
  { name: '20,000 × 20 KB', recordings: 20_000, meanBytes: 20_000, tars: 20 },
  { name: '200 × 5 MB', recordings: 200, meanBytes: 5_000_000, tars: 20 },
];

const SIGMA = 0.6;
const HEADER_BYTES = 44;

/** Makes the tars of a load in `directory`, the same for the same seed. Returns their paths and the bytes of all recordings. */
export async function makeCorpus(
  directory: string,
  { recordings, meanBytes, tars }: Load,
  seed = 1,
): Promise<{ readonly tars: readonly string[]; readonly bytes: number }> {
  const random = seededRandom(seed);
  const noise = noiseOf(random);
  const made: string[] = [];
  let bytes = 0;
  for (let tar = 0; tar < tars; tar++) {
    const work = join(directory, 'work');
    await mkdir(work, { recursive: true });
    for (let number = tar; number < recordings; number += tars) {
      const size = Math.max(1000, Math.round(logNormal(random, meanBytes)));
      bytes += size;
      await writeFile(join(work, `call-${number}.wav`), wav(size, noise, random));
    }
    const path = join(directory, `calls-${String(tar).padStart(4, '0')}.tar`);
    await run('tar', ['-C', work, '-cf', path, '.']);
    await rm(work, { recursive: true });
    made.push(path);
  }
  return { tars: made, bytes };
}

/**
 * Makes `tars` tars of `each` recordings of `bytes` bytes, no two of them equal, and yields their paths. Without a file for
 * each recording on the way: a million of them take half a minute.
 */
export async function* makeSmallTars(
  directory: string,
  { tars, each, bytes }: { readonly tars: number; readonly each: number; readonly bytes: number },
): AsyncGenerator<string, void, undefined> {
  const random = seededRandom(1);
  const noise = noiseOf(random);
  for (let tar = 0; tar < tars; tar++) {
    const members = Array.from({ length: each }, (_, at) => {
      const number = tar * each + at;
      const body = wav(bytes, noise, random);
      body.writeUInt32LE(number, HEADER_BYTES);
      return { name: `call-${number}.wav`, body };
    });
    const path = join(directory, `calls-${String(tar).padStart(6, '0')}.tar`);
    await writeFile(path, makeTar(members));
    yield path;
  }
}

/** 16 MiB of it. */
function noiseOf(random: () => number): Buffer {
  const noise = Buffer.alloc(16 * 1024 * 1024);
  for (let at = 0; at < noise.length; at += 4) noise.writeUInt32LE(Math.floor(random() * 2 ** 32), at);
  return noise;
}

/** A WAV file of 16-bit telephone audio; what it says is noise, so that nothing on the way gets away with compressing it. */
function wav(size: number, noise: Buffer, random: () => number): Buffer {
  const file = Buffer.alloc(size);
  file.write('RIFF', 0);
  file.writeUInt32LE(size - 8, 4);
  file.write('WAVEfmt ', 8);
  file.writeUInt32LE(16, 16);
  file.writeUInt16LE(1, 20);
  file.writeUInt16LE(1, 22);
  file.writeUInt32LE(8000, 24);
  file.writeUInt32LE(16_000, 28);
  file.writeUInt16LE(2, 32);
  file.writeUInt16LE(16, 34);
  file.write('data', 36);
  file.writeUInt32LE(size - HEADER_BYTES, 40);
  for (let at = HEADER_BYTES; at < size;) {
    const from = Math.floor(random() * (noise.length / 2));
    at += noise.copy(file, at, from, from + Math.min(size - at, noise.length / 2));
  }
  return file;
}

function logNormal(random: () => number, mean: number): number {
  const normal = Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
  return mean * Math.exp(SIGMA * normal - (SIGMA * SIGMA) / 2);
}
