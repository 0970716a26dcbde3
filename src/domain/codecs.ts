/** The codecs of a WAV file that have a name, by the number in its header. */
const CODECS: Readonly<Record<number, string>> = {
  0x0001: 'pcm',
  0x0002: 'ms-adpcm',
  0x0003: 'float',
  0x0006: 'alaw',
  0x0007: 'ulaw',
  0x0011: 'ima-adpcm',
  0x0014: 'g723',
  0x0031: 'gsm610',
  0x0042: 'g723',
  0x0055: 'mp3',
  0x0083: 'g729',
  0x0111: 'g723',
  0x0133: 'g729',
  0x0134: 'g729',
};

/** Another one is called by its number. */
const NUMBERED = /^0x[0-9a-f]{4}$/;

export const CODEC_NAMES: readonly string[] = [...new Set(Object.values(CODECS))].toSorted();

/** What a recording's codec is called in its row, by the number (16 bits) in its header. */
export function codecName(code: number): string {
  return CODECS[code] ?? `0x${code.toString(16).padStart(4, '0')}`;
}

/** Whether a recording's codec can be called that. */
export function isCodec(name: string): boolean {
  return CODEC_NAMES.includes(name) || NUMBERED.test(name);
}
