import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createWavHeaderReader } from '../../../../src/ingest/extract/wav-header.ts';
import { chunk, cutHeader, formatBytes, makeWav, type WavShape } from '../../../support/wavs.ts';

const PHONE = {
  codec: 'pcm16',
  sampleRate: 8000,
  channels: 1,
  seconds: 1.5,
  seed: 7,
} as const satisfies WavShape;
const INVALID = {
  valid: false,
  durationMs: undefined,
  codec: undefined,
  sampleRate: undefined,
  channels: undefined,
};

function read(wav: Buffer, step = wav.length || 1) {
  const reader = createWavHeaderReader();
  for (let at = 0; at < wav.length; at += step) reader.push(wav.subarray(at, at + step));
  return reader.finish(wav.length);
}

function riff(...chunks: readonly Buffer[]): Buffer {
  return chunk('RIFF', Buffer.concat([Buffer.from('WAVE'), ...chunks]));
}

describe('says what a recording is', () => {
  test.each([
    ['pcm16', 'pcm'],
    ['pcm8', 'pcm'],
    ['ulaw', 'ulaw'],
    ['alaw', 'alaw'],
    ['gsm610', 'gsm610'],
    ['extensible', 'pcm'],
  ] as const)('%s', (codec, name) => {
    for (const listChunk of [false, true]) {
      const facts = read(makeWav({ ...PHONE, codec, listChunk }));
      expect(facts).toEqual({ valid: true, durationMs: 1500, codec: name, sampleRate: 8000, channels: 1 });
    }
  });

  test('in stereo', () => {
    const facts = read(makeWav({ ...PHONE, channels: 2, sampleRate: 44_100 }));
    expect(facts).toEqual({ valid: true, durationMs: 1500, codec: 'pcm', sampleRate: 44_100, channels: 2 });
  });

  test.each([
    [1, 'pcm'],
    [2, 'ms-adpcm'],
    [3, 'float'],
    [6, 'alaw'],
    [7, 'ulaw'],
    [0x11, 'ima-adpcm'],
    [0x14, 'g723'],
    [0x31, 'gsm610'],
    [0x55, 'mp3'],
    [0x83, 'g729'],
    [0xfffe, '0xfffe'],
    [0x9f, '0x009f'],
  ])('format %i is %s', (tag, codec) => {
    const facts = read(
      riff(chunk('fmt ', formatBytes(tag, 1, 8000, 1000, 1, 8)), chunk('data', Buffer.alloc(500))),
    );
    expect(facts).toMatchObject({ codec, durationMs: 500 });
  });
});

describe('the duration', () => {
  const format = chunk('fmt ', formatBytes(1, 1, 8000, 16_000, 2, 16));
  const withSize = (size: number, dataBytes: number) => {
    const data = chunk('data', Buffer.alloc(dataBytes));
    data.writeUInt32LE(size, 4);
    return riff(format, data);
  };

  test.each([0, 0xffff_ffff, 0x7fff_ffff, 16_002])(
    'comes from the real size when the stated one is %i',
    (size) => {
      expect(read(withSize(size, 16_000)).durationMs).toBe(1000);
    },
  );

  test('comes from the stated size when more follows the data', () => {
    expect(read(Buffer.concat([withSize(16_000, 16_000), chunk('LIST', Buffer.alloc(999))])).durationMs).toBe(
      1000,
    );
  });

  test('of a compressed recording whose size is unknown ignores its fact chunk', () => {
    const shape = { ...PHONE, codec: 'gsm610', seconds: 2 } as const;
    const whole = makeWav({ ...shape, streaming: true });
    expect(read(whole).durationMs).toBe(2000);
    expect(read(whole.subarray(0, 60 + 65 * 25)).durationMs).toBe(1000);
  });

  test('is worked out when the header leaves out the bytes per second', () => {
    const wav = riff(chunk('fmt ', formatBytes(1, 2, 8000, 0, 4, 16)), chunk('data', Buffer.alloc(32_000)));
    expect(read(wav).durationMs).toBe(1000);
  });

  test('is unknown when it cannot be worked out', () => {
    const wav = riff(chunk('fmt ', formatBytes(0x55, 1, 8000, 0, 1, 0)), chunk('data', Buffer.alloc(9)));
    expect(read(wav)).toMatchObject({ valid: true, durationMs: undefined });
  });

  test('of an RF64 file comes from its ds64 chunk', () => {
    const sizes = Buffer.alloc(28);
    sizes.writeBigUInt64LE(8000n, 8);
    const data = chunk('data', Buffer.alloc(16_000));
    data.writeUInt32LE(0xffff_ffff, 4);
    const wav = riff(chunk('ds64', sizes), format, data);
    wav.write('RF64', 0);
    expect(read(wav).durationMs).toBe(500);
  });
});

describe('a header that says nothing is invalid', () => {
  const whole = makeWav(PHONE);
  test.each([
    ['nothing', Buffer.alloc(0)],
    ['a cut header', cutHeader(whole)],
    ['a header without its data chunk', whole.subarray(0, 43)],
    ['text', Buffer.from('<html>not found, sorry, really not</html>')],
    ['zeros', Buffer.alloc(100)],
    [
      'data before its format',
      riff(chunk('data', Buffer.alloc(4)), chunk('fmt ', formatBytes(1, 1, 8000, 8000, 1, 8))),
    ],
    ['a short format', riff(chunk('fmt ', Buffer.alloc(14, 1)), chunk('data', Buffer.alloc(4)))],
    ['no channels', riff(chunk('fmt ', formatBytes(1, 0, 8000, 8000, 1, 8)), chunk('data', Buffer.alloc(4)))],
  ])('%s', (_, wav) => {
    expect(read(wav)).toEqual(INVALID);
  });
});

test('the facts do not depend on how the bytes are cut into chunks', () => {
  const wav = makeWav({ ...PHONE, codec: 'extensible', listChunk: true, seconds: 0.01 });
  for (let step = 1; step < 80; step += 1) expect(read(wav, step)).toEqual(read(wav));
});

test('no bytes make it throw', () => {
  const wav = makeWav({ ...PHONE, codec: 'extensible', listChunk: true, seconds: 0.01 });
  const damaged = fc
    .array(fc.tuple(fc.nat(99), fc.nat(255)), { maxLength: 6 })
    .map((edits) => edits.reduce((bytes, [at, value]) => bytes.fill(value, at, at + 1), Buffer.from(wav)));
  const anything = fc.oneof(
    damaged,
    fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes)),
  );
  fc.assert(
    fc.property(anything, fc.integer({ min: 1, max: 50 }), (bytes, step) => {
      const facts = read(bytes, step);
      expect(facts).toEqual(read(bytes));
      if (!facts.valid) expect(facts).toEqual(INVALID);
    }),
  );
});
