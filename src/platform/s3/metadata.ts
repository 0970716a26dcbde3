/** S3 takes 2 KiB of user metadata for one object; no value here may use up more than half of it. */
const MAX_VALUE_BYTES = 1024;

/**
 * Metadata as it goes into `x-amz-meta-…` headers: percent-encoded as UTF-8 wherever a value is not visible ASCII, and
 * `%` itself, so that {@link readMetadata} (or any decodeURIComponent) gives it back. Raw UTF-8 is no way out: the SDK
 * sends it as Latin-1, and Ceph then refuses the signature; RFC 2047 comes back undecoded from most stores. Of a value that is too
 * long the end is kept, behind `...`: it only describes, and the row has all of it.
 */
export function headerSafe(metadata: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(metadata).map(([name, value]) => [name.toLowerCase(), headerSafeValue(value)]),
  );
}

function headerSafeValue(value: string): string {
  if (value.length <= MAX_VALUE_BYTES && /^[!-$&-~]*$/.test(value) && !value.includes('=?')) return value;
  const characters = Array.from(value.toWellFormed()).map(headerSafeCharacter);
  if (bytesOf(characters) <= MAX_VALUE_BYTES) return characters.join('');
  let kept = bytesOf(characters) + 3;
  let first = 0;
  while (kept > MAX_VALUE_BYTES) {
    kept -= characters[first]?.length ?? kept;
    first += 1;
  }
  return `...${characters.slice(first).join('')}`;
}

function headerSafeCharacter(character: string, index: number, all: readonly string[]): string {
  const opensEncodedWord = character === '=' && all[index + 1] === '?'; // RFC 2047: a store might decode it
  if (/^[!-~]$/.test(character) && character !== '%' && !opensEncodedWord) return character;
  return opensEncodedWord ? '%3D' : encodeURIComponent(character);
}

function bytesOf(characters: readonly string[]): number {
  return characters.reduce((sum, character) => sum + character.length, 0);
}

/** User metadata of an object, as it was before {@link headerSafe}; what others wrote and is not so encoded stays as it is. */
export function readMetadata(metadata: Readonly<Record<string, string>> | undefined): Record<string, string> {
  return Object.fromEntries(
    Object.entries(metadata ?? {}).map(([name, value]) => [name.toLowerCase(), decoded(value)]),
  );
}

function decoded(value: string): string {
  try {
    return decodeURIComponent(value);
  } catch {
    return value; // a foreign value with a lone "%": decodeURIComponent throws, and that is the answer
  }
}
