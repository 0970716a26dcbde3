/** Formats that are met under a tar's name, by the hexadecimal digits that their files begin with. */
const FORMATS: readonly (readonly [start: string, what: string])[] = [
  ['425a68', 'compressed by bzip2'],
  ['fd377a585a00', 'compressed by xz'],
  ['5d00008000', 'compressed by lzma'],
  ['4c5a4950', 'compressed by lzip'],
  ['04224d18', 'compressed by lz4'],
  ['894c5a4f', 'compressed by lzop'],
  ['1f9d', 'compressed by compress'],
  ['504b0304', 'a zip archive'],
  ['377abcaf271c', 'a 7z archive'],
  ['526172211a07', 'a rar archive'],
  ['213c617263683e0a', 'an ar archive'],
  ['303730373031', 'a cpio archive'],
  ['303730373032', 'a cpio archive'],
  ['303730373037', 'a cpio archive'],
  ['c771', 'a cpio archive'],
  ['71c7', 'a cpio archive'],
  ['52494646', 'a WAV file'],
];
const LONGEST_BYTES = 8;

/** What a file is that begins with `start` and is no tar; undefined when that is unknown. A tar may begin with any of these. */
export function foreignFormat(start: Uint8Array): string | undefined {
  const hex = Buffer.from(start.subarray(0, LONGEST_BYTES)).toString('hex');
  return FORMATS.find(([digits]) => hex.startsWith(digits))?.[1];
}
