import { expect, test } from 'vitest';
import { decodeG711, fromALaw, fromMuLaw } from '../../../../src/web/console/sound/g711.ts';
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
  (codec) => {
    const shape = { codec, sampleRate: 8000, channels: 2, seconds: 1, seed: 3 } as const;
    const made = Buffer.from(decodeG711(makeWav(shape)));
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

test('a chunk before the data, and sizes that were never written, are no trouble', () => {
  const shape = { codec: 'alaw', sampleRate: 8000, channels: 1, seconds: 1, seed: 3 } as const;
  expect(decodeG711(makeWav({ ...shape, listChunk: true }))).toEqual(decodeG711(makeWav(shape)));
  expect(decodeG711(makeWav({ ...shape, streaming: true })).length).toBe(44 + 16_000);
});

test('what is no G.711 is refused', () => {
  expect(() =>
    decodeG711(makeWav({ codec: 'pcm16', sampleRate: 8000, channels: 1, seconds: 1, seed: 1 })),
  ).toThrow('not G.711');
  expect(() => decodeG711(new Uint8Array(20))).toThrow('no WAV');
});
