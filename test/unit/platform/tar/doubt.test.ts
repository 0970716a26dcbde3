import { randomBytes } from 'node:crypto';
import { mkdtemp, open, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { proveComplete } from '../../../../src/platform/tar/index.ts';
import { makeTar } from '../../../support/tars.ts';

// A client that reserves the room for a tar and stalls leaves zeros, which are an end marker.

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'wavspool-doubt-'));
});
afterEach(() => rm(directory, { recursive: true }));

/** Bytes of which none is zero, as the last of a recording. */
const sound = (size: number): Buffer => Buffer.from(randomBytes(size).map((byte) => byte | 1));
const members = [9000, 30_001, 700, 12_288].map((size, i) => ({ name: `m${i}.wav`, body: sound(size) }));

/** In records of 10,240 bytes, as tar writes them. */
function whole(list = members): Buffer {
  const tar = makeTar(list);
  return Buffer.concat([tar, Buffer.alloc((10_240 - (tar.length % 10_240)) % 10_240)]);
}

async function proved(bytes: Buffer): ReturnType<typeof proveComplete> {
  const path = join(directory, 'x.tar');
  await writeFile(path, bytes);
  return proveComplete(path);
}

/** As it lies while only the first bytes were written to room that was reserved by writing zeros. */
const filled = (bytes: Buffer, written: number): Buffer =>
  Buffer.concat([bytes.subarray(0, written), Buffer.alloc(bytes.length - written)]);

test.each([
  ['plain', whole()],
  ['plain, without padding', makeTar(members)],
  ['gzip', gzipSync(whole())],
  ['zstd', zstdCompressSync(whole())],
  ['plain, of an empty file', whole([{ name: 'a.wav', body: Buffer.alloc(0) }])],
])('a whole tar raises no doubt: %s', async (_, bytes) => {
  const proof = await proved(bytes);
  expect(proof.kind).toBe('complete');
  expect(proof).not.toHaveProperty('doubt');
});

test('wherever a tar stalls whose room was filled with zeros, it is incomplete or in doubt until its last byte is there', async () => {
  const bytes = whole();
  const end = makeTar(members).length - 1024;
  const path = join(directory, 'x.tar');
  for (let written = 512; written < end; written += 512) {
    await writeFile(path, filled(bytes, written));
    const proof = await proveComplete(path);
    if (proof.kind !== 'incomplete') expect(proof, `${written} bytes`).toHaveProperty('doubt.reason');
  }
});

test.each([gzipSync, zstdCompressSync])('so it is with a compressed one: %o', async (compress) => {
  const bytes = Buffer.concat([compress(whole())]);
  for (let written = 1024; written < bytes.length - 512; written += 1111) {
    const proof = await proved(filled(bytes, written));
    if (proof.kind !== 'incomplete') expect(proof, `${written} bytes`).toHaveProperty('doubt.reason');
  }
});

describe('in doubt', () => {
  test('is a tar with bytes that were never written, where the file system tells', async () => {
    const path = join(directory, 'x.tar');
    const bytes = whole([{ name: 'a.wav', body: sound(200_000) }]);
    await using file = await open(path, 'w');
    await file.truncate(bytes.length);
    await file.write(bytes, 0, 102_400, 0);
    await file.write(bytes, 150_000, bytes.length - 150_000 - 20_480, 150_000);
    expect(await proveComplete(path)).toMatchObject({ kind: 'complete', doubt: { isUsual: false } });
  });

  test('is one with zeros far behind its end, which is padding for a tape or room', async () => {
    const proof = await proved(Buffer.concat([whole(), Buffer.alloc(64 * 1024)]));
    expect(proof).toMatchObject({ kind: 'complete', doubt: { isUsual: false } });
  });

  test('is one whose last recording ends in zeros, as silence does', async () => {
    const silence = { name: 'z.wav', body: Buffer.concat([sound(9000), Buffer.alloc(2000)]) };
    expect(await proved(whole([...members, silence]))).toMatchObject({ doubt: { isUsual: true } });
    expect(await proved(whole([silence, ...members]))).not.toHaveProperty('doubt');
  });

  test.each([
    ['sound, then as many zeros, as of room that is half filled', 9000, 9000, false],
    ['sound, and zeros from where clients go on writing', 49_152 - 512, 5000, false],
    ['sound, and zeros from anywhere else', 49_152 - 511, 5000, true],
    ['silence from its beginning', 44, 90_000, true],
    ['silence behind sound, beyond what is looked at at a time', 400_001, 300_000, true],
  ])('by silence for some quiet periods, by room for longer: %s', async (_, soundBytes, zeros, isUsual) => {
    const body = Buffer.concat([sound(soundBytes), Buffer.alloc(zeros)]);
    expect(await proved(whole([{ name: 'z.wav', body }]))).toMatchObject({ doubt: { isUsual } });
  });

  test('is not one that is damaged and goes on behind that', async () => {
    const bytes = whole();
    bytes.fill(1, 9728, 9728 + 512);
    const proof = await proved(bytes);
    expect(proof.kind).toBe('corrupt');
    expect(proof).not.toHaveProperty('doubt');
  });
});
