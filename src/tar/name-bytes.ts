const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/**
 * The text of a member's name. What is UTF-8 stays; every byte that is not becomes `%XX`, because a phone system that
 * writes Latin-1 must not cost a recording. NUL and control characters stay for the caller to judge.
 */
export function nameText(bytes: Uint8Array): string {
  let text = '';
  let from = 0;
  for (let at = 0; at < bytes.length;) {
    const length = sequenceLength(bytes, at);
    if (length > 0) {
      at += length;
      continue;
    }
    text += UTF8.decode(bytes.subarray(from, at));
    text += `%${byteAt(bytes, at).toString(16).toUpperCase().padStart(2, '0')}`;
    at += 1;
    from = at;
  }
  return text + UTF8.decode(bytes.subarray(from));
}

/** The bytes before the first NUL, or all of them: how a header's fixed fields and GNU long names end. */
export function untilNul(bytes: Uint8Array): Uint8Array {
  const end = bytes.indexOf(0);
  return end === -1 ? bytes : bytes.subarray(0, end);
}

/** How many bytes the UTF-8 sequence at `at` has (no overlong forms, no surrogates, at most U+10FFFF), 0 if it is none. */
function sequenceLength(bytes: Uint8Array, at: number): number {
  const lead = byteAt(bytes, at);
  if (lead < 0x80) return 1;
  const length = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
  if (lead < 0xc2 || lead > 0xf4 || at + length > bytes.length) return 0;
  const [lowest, highest] = SECOND_BYTE.get(lead) ?? [0x80, 0xbf];
  const second = byteAt(bytes, at + 1);
  if (second < lowest || second > highest) return 0;
  for (let k = 2; k < length; k += 1) if ((byteAt(bytes, at + k) & 0xc0) !== 0x80) return 0;
  return length;
}

const SECOND_BYTE: ReadonlyMap<number, readonly [number, number]> = new Map([
  [0xe0, [0xa0, 0xbf]],
  [0xed, [0x80, 0x9f]],
  [0xf0, [0x90, 0xbf]],
  [0xf4, [0x80, 0x8f]],
]);

function byteAt(bytes: Uint8Array, at: number): number {
  return bytes[at] ?? 0;
}
