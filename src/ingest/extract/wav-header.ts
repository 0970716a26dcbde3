import { codecName } from '../../domain/codecs.ts';
import type { WavFacts } from '../../domain/recording.ts';

export interface WavHeaderReader {
  /** Takes the next bytes of the recording, from its first on. Never throws. */
  push(chunk: Uint8Array): void;
  /** What the header says, once all `totalBytes` of the recording were pushed. Never throws. */
  finish(totalBytes: number): WavFacts;
}

const INVALID: WavFacts = {
  valid: false,
  durationMs: undefined,
  codec: undefined,
  sampleRate: undefined,
  channels: undefined,
};

const EXTENSIBLE = 0xfffe;
/** Every wave format's GUID but for its first two bytes, which are the format. */
const GUID_TAIL = '000000001000800000aa00389b71';
/** Each sample has a fixed number of bytes, so the bytes alone say how long they last. */
const UNCOMPRESSED = ['pcm', 'float', 'alaw', 'ulaw'];
const UNKNOWN_SIZE = 0xffff_ffff;
/** The most of any chunk that is kept: a `fmt ` chunk with an extensible format. */
const MAX_KEPT_BYTES = 40;

interface Format {
  readonly codec: string;
  readonly channels: number;
  readonly sampleRate: number;
  readonly bytesPerSecond: number;
}

/** What was found so far. All sizes and offsets in bytes, all of them as stated. */
interface Found {
  readonly format?: Format;
  /** Samples per channel, from `fact`. */
  readonly samples?: number;
  /** The true size of the data of an RF64 file, from `ds64`. */
  readonly longDataSize?: number;
  readonly data?: { readonly offset: number; readonly size: number };
}

type Expecting =
  | { readonly kind: 'riff' }
  | { readonly kind: 'chunk' }
  | { readonly kind: 'content'; readonly id: string; readonly size: number }
  | { readonly kind: 'nothing' };

/** Reads a recording's header as its bytes pass by; keeps a few dozen bytes, however large its chunks claim to be. */
export function createWavHeaderReader(): WavHeaderReader {
  let expecting: Expecting = { kind: 'riff' };
  let found: Found = {};
  let position = 0;
  let toSkip = 0;
  let needed = 12;
  let kept = Buffer.alloc(0);

  const expect = (next: Expecting, bytes: number) => {
    expecting = next;
    needed = bytes;
  };

  const step = (bytes: Buffer) => {
    if (expecting.kind === 'riff') {
      const isWave = /^(?:RIFF|RF64|BW64)[^]{4}WAVE$/.test(bytes.toString('latin1'));
      if (isWave) expect({ kind: 'chunk' }, 8);
      else expect({ kind: 'nothing' }, 0);
    } else if (expecting.kind === 'chunk') {
      const id = bytes.toString('latin1', 0, 4);
      const size = bytes.readUInt32LE(4);
      if (id === 'data') {
        found = { ...found, data: { offset: position, size } };
        expect({ kind: 'nothing' }, 0);
      } else {
        expect(
          { kind: 'content', id, size },
          ['fmt ', 'fact', 'ds64'].includes(id) ? Math.min(size, MAX_KEPT_BYTES) : 0,
        );
      }
    } else if (expecting.kind === 'content') {
      const { id, size } = expecting;
      found = withChunk(found, id, bytes);
      toSkip = size - bytes.length + (size % 2); // chunks of odd sizes are padded
      expect({ kind: 'chunk' }, 8);
    }
  };

  return {
    push(chunk) {
      let at = 0;
      while (expecting.kind !== 'nothing') {
        const skipped = Math.min(toSkip, chunk.length - at);
        const taken = toSkip > skipped ? 0 : Math.min(needed - kept.length, chunk.length - at - skipped);
        toSkip -= skipped;
        position += skipped + taken;
        kept = Buffer.concat([kept, chunk.subarray(at + skipped, at + skipped + taken)]);
        at += skipped + taken;
        if (toSkip > 0 || kept.length < needed) return;
        const bytes = kept;
        kept = Buffer.alloc(0);
        step(bytes);
      }
    },
    finish: (totalBytes) => factsOf(found, totalBytes),
  };
}

function withChunk(found: Found, id: string, bytes: Buffer): Found {
  if (id === 'fmt ') {
    const format = readFormat(bytes);
    return format === undefined ? found : { ...found, format };
  }
  if (id === 'fact' && bytes.length >= 4) return { ...found, samples: bytes.readUInt32LE(0) };
  if (id === 'ds64' && bytes.length >= 16) {
    return { ...found, longDataSize: Number(bytes.readBigUInt64LE(8)) };
  }
  return found;
}

function readFormat(bytes: Buffer): Format | undefined {
  if (bytes.length < 16) return undefined;
  const channels = bytes.readUInt16LE(2);
  const sampleRate = bytes.readUInt32LE(4);
  if (channels === 0 || sampleRate === 0) return undefined;
  const codec = codecOf(bytes);
  const stated = bytes.readUInt32LE(8);
  // some recorders leave the rate of bytes out where it can be worked out
  const bytesPerSecond =
    stated === 0 && UNCOMPRESSED.includes(codec) ? sampleRate * bytes.readUInt16LE(12) : stated;
  return { codec, channels, sampleRate, bytesPerSecond };
}

function codecOf(bytes: Buffer): string {
  const tag = bytes.readUInt16LE(0);
  const isWaveGuid = bytes.length >= 40 && bytes.toString('hex', 26, 40) === GUID_TAIL;
  const code = tag === EXTENSIBLE && isWaveGuid ? bytes.readUInt16LE(24) : tag;
  return codecName(code);
}

function factsOf({ format, data, samples, longDataSize }: Found, totalBytes: number): WavFacts {
  if (format === undefined || data === undefined) return INVALID;
  const { codec, sampleRate, channels } = format;
  const present = Math.max(totalBytes - data.offset, 0);
  const stated = data.size === UNKNOWN_SIZE ? (longDataSize ?? 0) : data.size;
  // a recorder that was stopped never came back to write the size
  const trusted = stated > 0 && stated <= present;
  const bytes = trusted ? stated : present;
  const bySamples = trusted && samples !== undefined && samples > 0 && samples < UNKNOWN_SIZE;
  const durationMs =
    bySamples && !UNCOMPRESSED.includes(codec)
      ? Math.round((samples * 1000) / sampleRate)
      : lastingMs(bytes, format.bytesPerSecond);
  return { valid: true, durationMs, codec, sampleRate, channels };
}

function lastingMs(bytes: number, bytesPerSecond: number): number | undefined {
  return bytesPerSecond === 0 ? undefined : Math.round((bytes * 1000) / bytesPerSecond);
}
