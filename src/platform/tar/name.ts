import { isUtf8 } from 'node:buffer';

/** A member's name as text: UTF-8 stays as it is, every byte that is not part of valid UTF-8 becomes `%XX`. */
export function decodeName(bytes: Uint8Array): string {
  const whole = decode(bytes);
  if (whole !== undefined) return whole;
  let text = '';
  for (let at = 0; at < bytes.length;) {
    const byte = bytes[at] ?? 0;
    const length = sequenceLength(byte);
    const character = at + length > bytes.length ? undefined : decode(bytes.subarray(at, at + length));
    text += character ?? `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;
    at += character === undefined ? 1 : length;
  }
  return text;
}

function sequenceLength(lead: number): number {
  if (lead < 0xc0) return 1;
  if (lead < 0xe0) return 2;
  return lead < 0xf0 ? 3 : 4;
}

function decode(bytes: Uint8Array): string | undefined {
  // a decoder that throws would take seconds for a long name of nothing but invalid bytes
  return isUtf8(bytes) ? Buffer.from(bytes).toString('utf8') : undefined;
}
