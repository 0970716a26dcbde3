// The WAV around the sound: its format and its data taken out, and a PCM one written.

/** The parts of a WAV that a decoder needs. */
export interface Wav {
  /** The codec, as Microsoft numbers them. */
  readonly tag: number;
  readonly channels: number;
  /** Samples a second. */
  readonly rate: number;
  /** How many samples there are, where a `fact` chunk says so; the last block of a codec is filled up. */
  readonly samples: number | undefined;
  readonly coded: Uint8Array;
}

/** 16-bit PCM as it is written, sample by sample over all channels. */
export interface Pcm {
  readonly channels: number;
  readonly rate: number;
  readonly samples: Int16Array;
}

const HEADER = 44;
const UNKNOWN = 0xffff_ffff;

/** Throws for what is no WAV; a length that the recorder never wrote is taken to the end. */
export function readWav(wav: Uint8Array): Wav {
  const view = new DataView(wav.buffer, wav.byteOffset, wav.byteLength);
  const name = (at: number): string => String.fromCharCode(...wav.subarray(at, at + 4));
  let format: Pick<Wav, 'tag' | 'channels' | 'rate'> | undefined;
  let samples: number | undefined;
  for (let at = 12; at + 8 <= wav.length;) {
    const length = view.getUint32(at + 4, true);
    if (name(at) === 'fmt ' && at + 16 <= wav.length)
      format = {
        tag: view.getUint16(at + 8, true),
        channels: view.getUint16(at + 10, true),
        rate: view.getUint32(at + 12, true),
      };
    if (name(at) === 'fact' && at + 12 <= wav.length) samples = view.getUint32(at + 8, true);
    if (name(at) === 'data') {
      if (format === undefined) break;
      return {
        ...format,
        samples: samples === UNKNOWN || samples === 0 ? undefined : samples,
        coded: wav.subarray(at + 8, Math.min(wav.length, at + 8 + length)),
      };
    }
    at += 8 + length + (length % 2);
  }
  throw new Error('This is no WAV with a format and data.');
}

/** A WAV that every browser plays. */
export function pcmWav({ channels, rate, samples }: Pcm): Uint8Array<ArrayBuffer> {
  const made = new Uint8Array(HEADER + samples.length * 2);
  const view = new DataView(made.buffer);
  const text = (at: number, word: string): void => {
    made.set(new TextEncoder().encode(word), at);
  };
  text(0, 'RIFF');
  view.setUint32(4, made.length - 8, true);
  text(8, 'WAVEfmt ');
  view.setUint32(16, 16, true);
  view.setUint16(20, 1, true);
  view.setUint16(22, channels, true);
  view.setUint32(24, rate, true);
  view.setUint32(28, rate * channels * 2, true);
  view.setUint16(32, channels * 2, true);
  view.setUint16(34, 16, true);
  text(36, 'data');
  view.setUint32(40, samples.length * 2, true);
  for (const [at, sample] of samples.entries()) view.setInt16(HEADER + at * 2, sample, true);
  return made;
}
