import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import { decoded, isDecodable } from '../../../../src/web/console/sound/decode.ts';
import { fromALaw, fromMuLaw } from '../../../../src/web/console/sound/g711.ts';
import { makeWav } from '../../../support/wavs.ts';

// Values of ITU-T G.711, tables 1a to 2b, brought to 16 bits.

test('a-law stands for the samples that its table gives', () => {
  expect([0xd5, 0x55, 0xd4, 0x80, 0x00, 0xaa, 0x2a].map(fromALaw)).toEqual([
    8, -8, 24, 5504, -5504, 32_256, -32_256,
  ]);
});

test('µ-law stands for the samples that its table gives', () => {
  expect([0xff, 0x7f, 0x80, 0x00, 0xfe, 0xef].map((byte) => fromMuLaw(byte) || 0)).toEqual([
    0, 0, 32_124, -32_124, 8, 132,
  ]);
});

test.each(['alaw', 'ulaw'] as const)(
  'a WAV of %s becomes one of PCM with the same length and rate',
  async (codec) => {
    const shape = { codec, sampleRate: 8000, channels: 2, seconds: 1, seed: 3 } as const;
    const made = Buffer.from(await decoded(makeWav(shape)));
    const pcm = makeWav({ ...shape, codec: 'pcm16' });
    expect(made.length).toBe(44 + 2 * 2 * 8000);
    expect([
      made.readUInt16LE(20),
      made.readUInt16LE(22),
      made.readUInt32LE(24),
      made.readUInt16LE(34),
    ]).toEqual([1, 2, 8000, 16]);
    const at = pcm.indexOf('data') + 8;
    const differences = Array.from({ length: 1000 }, (_, i) =>
      Math.abs(made.readInt16LE(44 + i * 2) - pcm.readInt16LE(at + i * 2)),
    );
    expect(Math.max(...differences)).toBeLessThan(4096); // the encoder of the tests follows the curve, not its segments
  },
);

test('a chunk before the data, and sizes that were never written, are no trouble', async () => {
  const shape = { codec: 'alaw', sampleRate: 8000, channels: 1, seconds: 1, seed: 3 } as const;
  expect(await decoded(makeWav({ ...shape, listChunk: true }))).toEqual(await decoded(makeWav(shape)));
  expect((await decoded(makeWav({ ...shape, streaming: true }))).length).toBe(44 + 16_000);
});

const GSM = { codec: 'gsm610', sampleRate: 8000, channels: 1, seconds: 20, seed: 1 } as const;

// Noise for code goes through every branch: lags that are none, every mantissa, sums that saturate. Written with makeWav, then
// `sox noise.wav -t raw -e signed -b 16 - | sha256sum` (sox 14.4.2, libgsm 1.0.22).
test.each([
  [1, 'd813a895d627d51c27f466e34a1fd6f6612c61d842f37469dc5d2a4adc38b4a0'],
  [2, 'd44d586aa160bbefa41065cccbd29c6b41212cba0872c8512a6ac24707ceab7e'],
] as const)('GSM 6.10: each sample of noise %i is the one that libgsm gives', async (seed, sha256) => {
  const made = await decoded(makeWav({ ...GSM, seed }));
  expect(createHash('sha256').update(made.subarray(44)).digest('hex')).toBe(sha256);
});

test('GSM 6.10: what fills up the last block is left out, and a block that was cut off', async () => {
  const wav = makeWav({ ...GSM, seconds: 1.01 });
  expect((await decoded(wav)).length).toBe(44 + 2 * 8080);
  expect((await decoded(wav.subarray(0, -1))).length).toBe(44 + 2 * 25 * 320);
});

test('GSM 6.10: others have their turn while an hour is decoded', async () => {
  let turns = 0;
  await decoded(makeWav(GSM), () => {
    turns += 1;
    return Promise.resolve();
  });
  expect(turns).toBe(2);
});

test('what would take the memory of a browser is not decoded', () => {
  expect([isDecodable('gsm610', 1e6), isDecodable('gsm610', 1e8), isDecodable('alaw', 1e8)]).toEqual([
    true,
    false,
    true,
  ]);
  expect(isDecodable('pcm', 1)).toBe(false);
});

test('what is neither is refused', async () => {
  const pcm = makeWav({ codec: 'pcm16', sampleRate: 8000, channels: 1, seconds: 1, seed: 1 });
  await expect(decoded(pcm)).rejects.toThrow('neither G.711 nor GSM');
  await expect(decoded(makeWav({ ...GSM, channels: 2 }))).rejects.toThrow('2 channels');
  await expect(decoded(new Uint8Array(20))).rejects.toThrow('no WAV');
});
