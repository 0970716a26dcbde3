/** Tars are made of blocks of this many bytes. */
export const BLOCK_BYTES = 512;

/** The largest size a header may state: offsets behind it stay exact in a double. */
export const MAX_MEMBER_BYTES = 2 ** 52;

const ZERO_BLOCK = Buffer.alloc(BLOCK_BYTES);
const CHECKSUM_START = 148;
const CHECKSUM_END = 156;

/** What one header block says by itself, before extended headers change it. */
export interface TarHeader {
  readonly kind: 'header';
  /** As in the tar, with the prefix. */
  readonly name: Uint8Array;
  /** One character; NUL in old tars. */
  readonly type: string;
  /** Of the body, in bytes. */
  readonly size: number;
  /** The target of a link, as in the tar. */
  readonly linkName: Uint8Array;
  /** A GNU sparse header whose map goes on in further blocks. */
  readonly mapContinues: boolean;
  /** The block itself. */
  readonly block: Uint8Array;
}

/** Reads a block that should be a header. `bad` says what is wrong with it and what was expected. */
export function readHeader(
  block: Uint8Array,
): TarHeader | { readonly kind: 'zero' } | { readonly kind: 'bad'; readonly reason: string } {
  if (ZERO_BLOCK.equals(block)) return { kind: 'zero' };
  const checksum = octal(block.subarray(CHECKSUM_START, CHECKSUM_END));
  const { unsigned, signed } = checksums(block);
  if (checksum === undefined || (checksum !== unsigned && checksum !== signed)) {
    const found = checksum === undefined ? 'no number' : `${checksum}`;
    return {
      kind: 'bad',
      reason: `not a tar header: its checksum field holds ${found}, expected ${unsigned}`,
    };
  }
  const type = String.fromCodePoint(block[156] ?? 0);
  const stated = numeric(block.subarray(124, 136));
  const size = isWithoutBody(type) ? 0 : stated;
  if (size === undefined || size > MAX_MEMBER_BYTES) {
    return { kind: 'bad', reason: 'the header’s size is not a number from 0 to 2^52' };
  }
  return {
    kind: 'header',
    name: nameOf(block),
    type,
    size,
    linkName: untilNul(block.subarray(157, 257)),
    mapContinues: type === 'S' && block[482] !== 0,
    block,
  };
}

/** Links, devices, directories and pipes have no body, whatever size their header states; that of a hard link is looked at. */
export function isWithoutBody(type: string): boolean {
  return type >= '2' && type <= '6';
}

/** True when a continued GNU sparse map goes on in yet another block. */
export function sparseMapContinues(block: Uint8Array): boolean {
  return block[504] !== 0;
}

/** The bytes before the first NUL. */
export function untilNul(field: Uint8Array): Uint8Array {
  const end = field.indexOf(0);
  return end === -1 ? field : field.subarray(0, end);
}

function nameOf(block: Uint8Array): Uint8Array {
  const name = untilNul(block.subarray(0, 100));
  const magic = Buffer.from(block.subarray(257, 263)).toString('latin1');
  if (magic !== 'ustar\0') return name; // GNU's own format keeps times where ustar has the prefix
  // star says so at the end of the block, and keeps times in the last bytes of the prefix
  const star = Buffer.from(block.subarray(508, 512)).toString('latin1') === 'tar\0';
  const prefix = untilNul(block.subarray(345, star ? 476 : 500));
  return prefix.length === 0 ? name : Buffer.concat([prefix, Buffer.from('/'), name]);
}

/** Both sums that tars in the wild carry: old writers added up signed bytes. The field itself counts as spaces. */
function checksums(block: Uint8Array): { unsigned: number; signed: number } {
  let unsigned = 0;
  let high = 0;
  for (let at = 0; at < BLOCK_BYTES; at += 1) {
    const byte = at >= CHECKSUM_START && at < CHECKSUM_END ? 0x20 : (block[at] ?? 0);
    unsigned += byte;
    if (byte >= 0x80) high += 1;
  }
  return { unsigned, signed: unsigned - 256 * high };
}

/** A number in octal or GNU's base 256; undefined when it is neither, negative or beyond 2^53. */
export function numeric(field: Uint8Array): number | undefined {
  const first = field[0] ?? 0;
  if (first < 0x80) return field.every((byte) => byte === 0 || byte === 0x20) ? 0 : octal(field);
  if (first !== 0x80) return undefined; // 0xff begins a negative number, anything else would be astronomic
  const value = BigInt(`0x${Buffer.from(field.subarray(1)).toString('hex')}`);
  return value <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(value) : undefined;
}

function octal(field: Uint8Array): number | undefined {
  const digits = /^[ \0]*([0-7]+)(?:[ \0].*)?$/s.exec(Buffer.from(field).toString('latin1'))?.[1];
  return digits === undefined ? undefined : Number.parseInt(digits, 8);
}
