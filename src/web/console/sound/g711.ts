// G.711 as telephony uses it, made into 16-bit PCM that every browser plays. ITU-T G.711: each byte stands for one sample.

/** What a WAV header calls a codec that this decodes. */
export function isG711(codec: string | undefined): boolean {
  return codec === 'alaw' || codec === 'ulaw';
}

export function isPcm(codec: string | undefined): boolean {
  return codec !== undefined && codec.startsWith('pcm');
}

/** The sample that an a-law byte stands for, of 16 bits. */
export function fromALaw(byte: number): number {
  const value = byte ^ 0x55;
  const exponent = (value >> 4) & 7;
  const mantissa = ((value & 15) << 4) + 8;
  const magnitude = exponent === 0 ? mantissa : (mantissa + 0x100) << (exponent - 1);
  return (value & 0x80) === 0 ? -magnitude : magnitude;
}

/** The sample that a µ-law byte stands for, of 16 bits. */
export function fromMuLaw(byte: number): number {
  const value = ~byte & 0xff;
  const magnitude = ((((value & 15) << 3) + 0x84) << ((value >> 4) & 7)) - 0x84;
  return (value & 0x80) === 0 ? magnitude : -magnitude;
}

const A_LAW = 6;
const MU_LAW = 7;
const HEADER = 44;

/** A G.711 WAV as a PCM one. Throws for what is none; a length that the recorder never wrote is taken to the end. */
export function decodeG711(wav: Uint8Array): Uint8Array<ArrayBuffer> {
  const view = new DataView(wav.buffer, wav.byteOffset, wav.byteLength);
  const name = (at: number): string => String.fromCharCode(...wav.subarray(at, at + 4));
  let format: { tag: number; channels: number; rate: number } | undefined;
  for (let at = 12; at + 8 <= wav.length;) {
    const length = view.getUint32(at + 4, true);
    if (name(at) === 'fmt ' && at + 16 <= wav.length)
      format = {
        tag: view.getUint16(at + 8, true),
        channels: view.getUint16(at + 10, true),
        rate: view.getUint32(at + 12, true),
      };
    if (name(at) === 'data') {
      if (format === undefined) break;
      return pcm(wav.subarray(at + 8, Math.min(wav.length, at + 8 + length)), format);
    }
    at += 8 + length + (length % 2);
  }
  throw new Error('This is no WAV with a format and data.');
}

function pcm(
  coded: Uint8Array,
  { tag, channels, rate }: { tag: number; channels: number; rate: number },
): Uint8Array<ArrayBuffer> {
  if (tag !== A_LAW && tag !== MU_LAW) throw new Error(`The codec ${tag} is not G.711.`);
  const table = Int16Array.from({ length: 256 }, (_, byte) =>
    tag === A_LAW ? fromALaw(byte) : fromMuLaw(byte),
  );
  const made = new Uint8Array(HEADER + coded.length * 2);
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
  view.setUint32(40, coded.length * 2, true);
  for (const [at, byte] of coded.entries()) view.setInt16(HEADER + at * 2, table[byte] ?? 0, true);
  return made;
}
