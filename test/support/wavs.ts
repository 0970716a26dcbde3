// Recordings that look like those of a phone system: a tone with noise, the same bytes for the same seed.

export interface WavShape {
  readonly codec: 'pcm16' | 'pcm8' | 'ulaw' | 'alaw' | 'gsm610' | 'extensible';
  readonly sampleRate: number;
  readonly channels: number;
  readonly seconds: number;
  readonly seed: number;
  /** Puts a LIST chunk of an odd size before the data. */
  readonly listChunk?: boolean;
  /** The recorder never wrote the sizes: both are 0xFFFFFFFF. */
  readonly streaming?: boolean;
}

interface Coding {
  readonly tag: number;
  readonly bits: number;
  /** One sample in [-1, 1) as its bytes. */
  readonly encode: (sample: number) => readonly number[];
}

const pcm16 = (sample: number): readonly number[] => {
  const value = Math.round(sample * 32_767) & 0xffff;
  return [value & 0xff, value >> 8];
};

const CODINGS: Readonly<Record<Exclude<WavShape['codec'], 'gsm610'>, Coding>> = {
  pcm16: { tag: 1, bits: 16, encode: pcm16 },
  extensible: { tag: 0xfffe, bits: 16, encode: pcm16 },
  pcm8: { tag: 1, bits: 8, encode: (sample) => [Math.round(sample * 127) + 128] },
  ulaw: { tag: 7, bits: 8, encode: (sample) => [companded(sample, 255) ^ 0xff] },
  alaw: { tag: 6, bits: 8, encode: (sample) => [companded(sample, 87.6) ^ 0xd5] },
};

const GSM_BLOCK_BYTES = 65;
const GSM_BLOCK_SAMPLES = 320;
const WAVE_GUID = '0100000000001000800000aa00389b71';

export function makeWav(shape: WavShape): Buffer {
  const { codec } = shape;
  const { format, data, samples } = codec === 'gsm610' ? gsm(shape) : coded(shape, CODINGS[codec]);
  const before =
    shape.listChunk === true ? [chunk('LIST', Buffer.from('INFOISFT\x05\0\0\0ours!', 'latin1'))] : [];
  if (samples !== undefined) before.push(chunk('fact', u32(samples)));
  const dataChunk = chunk('data', data);
  if (shape.streaming === true) dataChunk.writeUInt32LE(0xffff_ffff, 4);
  const content = Buffer.concat([Buffer.from('WAVE'), chunk('fmt ', format), ...before, dataChunk]);
  const riff = chunk('RIFF', content);
  if (shape.streaming === true) riff.writeUInt32LE(0xffff_ffff, 4);
  return riff;
}

/** A recording that ends within its header. */
export function cutHeader(wav: Buffer): Buffer {
  return wav.subarray(0, 30);
}

/** A RIFF chunk: its id, its size, its content and, after an odd one, a byte of padding. */
export function chunk(id: string, content: Buffer): Buffer {
  const padding = Buffer.alloc(content.length % 2);
  return Buffer.concat([Buffer.from(id, 'latin1'), u32(content.length), content, padding]);
}

/** The first 16 bytes of a `fmt ` chunk. */
export function formatBytes(
  tag: number,
  channels: number,
  sampleRate: number,
  bytesPerSecond: number,
  blockBytes: number,
  bits: number,
): Buffer {
  const format = Buffer.alloc(16);
  format.writeUInt16LE(tag, 0);
  format.writeUInt16LE(channels, 2);
  format.writeUInt32LE(sampleRate, 4);
  format.writeUInt32LE(bytesPerSecond, 8);
  format.writeUInt16LE(blockBytes, 12);
  format.writeUInt16LE(bits, 14);
  return format;
}

interface Made {
  readonly format: Buffer;
  readonly data: Buffer;
  readonly samples: number | undefined;
}

function coded(
  { sampleRate, channels, seconds, seed, codec }: WavShape,
  { tag, bits, encode }: Coding,
): Made {
  const blockBytes = (channels * bits) / 8;
  const plain = formatBytes(tag, channels, sampleRate, sampleRate * blockBytes, blockBytes, bits);
  const guid = Buffer.from(WAVE_GUID, 'hex');
  const extension = Buffer.concat([Buffer.from([22, 0, bits, 0]), u32(channels === 1 ? 4 : 3), guid]);
  const format = codec === 'extensible' ? Buffer.concat([plain, extension]) : plain;
  const random = seededRandom(seed);
  const count = Math.round(sampleRate * seconds);
  const data = Buffer.alloc(count * blockBytes);
  for (let at = 0, index = 0; at < data.length; index += 1) {
    const time = Math.floor(index / channels) / sampleRate;
    const tone = Math.sin(2 * Math.PI * (300 + (seed % 50) * 10) * time);
    for (const byte of encode(0.6 * tone + 0.1 * (random() - 0.5))) data[at++] = byte;
  }
  return { format, data, samples: undefined };
}

/** Frames of GSM 6.10 in Microsoft's packing; nothing here listens to them, so their content is noise. */
function gsm({ sampleRate, channels, seconds, seed }: WavShape): Made {
  const samples = Math.round(sampleRate * seconds);
  const rate = Math.floor((sampleRate * GSM_BLOCK_BYTES) / GSM_BLOCK_SAMPLES);
  const extension = Buffer.from([2, 0, GSM_BLOCK_SAMPLES & 0xff, GSM_BLOCK_SAMPLES >> 8]);
  const format = Buffer.concat([
    formatBytes(0x31, channels, sampleRate, rate, GSM_BLOCK_BYTES, 0),
    extension,
  ]);
  const random = seededRandom(seed);
  const data = Buffer.alloc(Math.ceil(samples / GSM_BLOCK_SAMPLES) * GSM_BLOCK_BYTES);
  for (let at = 0; at < data.length; at += 1) data[at] = Math.floor(random() * 256);
  return { format, data, samples };
}

/** One byte of logarithmic companding: the sign, then the magnitude. */
function companded(sample: number, strength: number): number {
  const magnitude = Math.log1p(strength * Math.abs(sample)) / Math.log1p(strength);
  return (sample < 0 ? 0x80 : 0) | Math.min(127, Math.floor(magnitude * 128));
}

function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value, 0);
  return bytes;
}

/** Numbers in [0, 1) that the seed decides (mulberry32). */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
