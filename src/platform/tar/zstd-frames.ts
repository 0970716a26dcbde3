const MAGIC = 0xfd2fb528;
/** Sixteen numbers in a row mark frames that hold data of other programs. */
const FIRST_SKIPPABLE_MAGIC = 0x184d2a50;
const SKIPPABLE_MAGICS = 16;
const DICTIONARY_ID_BYTES = [0, 1, 2, 4] as const;
const CONTENT_SIZE_BYTES = [0, 2, 4, 8] as const;
const RLE_BLOCK = 1;

/** Follows zstd frames from their outside. */
export interface ZstdFrames {
  /** Takes the next bytes of the file. */
  take(chunk: Uint8Array): void;
  /** Whether the bytes so far end where a frame ends; false when more are needed. Padding of zeros ends whole. */
  isWhole(): boolean;
}

type Part =
  | 'foreign'
  | 'magic'
  | 'skippable size'
  | 'descriptor'
  | 'header'
  | 'block header'
  | 'block'
  | 'checksum'
  | 'skipped';

/** Parts whose value matters; the others are passed over. */
const NUMBERS: ReadonlySet<Part> = new Set(['magic', 'skippable size', 'descriptor', 'block header']);

/**
 * Says where frames end, which Node's decompressor does not: it takes 1 to 3 bytes of a further frame for its end.
 * Frame by frame as RFC 8878, section 3.1 lays them out; what is no frame is left to the decompressor to complain about.
 */
export function followZstdFrames(): ZstdFrames {
  let part: Part = 'magic';
  /** Of the present part, still to come. */
  let missing = 4;
  let value = 0;
  let shift = 0;
  let hasChecksum = false;
  let lastBlock = false;

  const expect = (next: Part, bytes: number): void => {
    part = next;
    missing = bytes;
    value = 0;
    shift = 0;
    if (bytes === 0) endPart();
  };
  const endFrame = (): void => expect('magic', 4);
  const endBlocks = (): void => (hasChecksum ? expect('checksum', 4) : endFrame());
  const afterBlock = (): void => (lastBlock ? endBlocks() : expect('block header', 3));

  const begin = (): void => {
    if (value === MAGIC) return expect('descriptor', 1);
    if (value >= FIRST_SKIPPABLE_MAGIC && value < FIRST_SKIPPABLE_MAGIC + SKIPPABLE_MAGICS)
      return expect('skippable size', 4);
    expect('foreign', Number.POSITIVE_INFINITY);
  };
  const readDescriptor = (): void => {
    const singleSegment = bits(value, 5, 1) === 1;
    hasChecksum = bits(value, 2, 1) === 1;
    const contentSize = CONTENT_SIZE_BYTES[bits(value, 6, 2)] ?? 0;
    const dictionary = DICTIONARY_ID_BYTES[bits(value, 0, 2)] ?? 0;
    const sizeField = contentSize === 0 && singleSegment ? 1 : contentSize;
    const window = singleSegment ? 0 : 1;
    expect('header', window + dictionary + sizeField);
  };
  const readBlockHeader = (): void => {
    lastBlock = value % 2 === 1;
    const type = Math.floor(value / 2) % 4;
    const size = Math.floor(value / 8);
    expect('block', type === RLE_BLOCK ? 1 : size);
  };
  const endPart = (): void => {
    switch (part) {
      case 'magic':
        return begin();
      case 'skippable size':
        return expect('skipped', value);
      case 'descriptor':
        return readDescriptor();
      case 'header':
        return expect('block header', 3);
      case 'block header':
        return readBlockHeader();
      case 'block':
        return afterBlock();
      case 'checksum':
      case 'skipped':
        return endFrame();
      case 'foreign':
        return undefined;
    }
  };
  return {
    take: (chunk) => {
      for (let at = 0; at < chunk.length;) {
        if (NUMBERS.has(part)) {
          value += (chunk[at] ?? 0) * 2 ** shift;
          shift += 8;
          missing -= 1;
          at += 1;
        } else {
          const taken = Math.min(missing, chunk.length - at);
          missing -= taken;
          at += taken;
        }
        if (missing === 0) endPart();
      }
    },
    // bytes that are no frame are padding, or the decompressor has refused them; up to 3 zeros may be padding too
    isWhole: () => part === 'foreign' || (part === 'magic' && value === 0),
  };
}

function bits(value: number, from: number, count: number): number {
  return Math.floor(value / 2 ** from) % 2 ** count;
}
