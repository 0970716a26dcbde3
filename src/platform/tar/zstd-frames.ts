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
  const frame: Frame = { hasChecksum: false, isLastBlock: false };
  let part: Part = 'magic';
  /** Of the present part, still to come. */
  let missing = 4;
  let value = 0;
  let shift = 0;

  /** Goes on to the next part that has bytes. */
  const endPart = (): void => {
    while (missing === 0) {
      [part, missing] = partBehind(part, value, frame);
      value = 0;
      shift = 0;
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
        endPart();
      }
    },
    // bytes that are no frame are padding, or the decompressor has refused them; up to 3 zeros may be padding too
    isWhole: () => part === 'foreign' || (part === 'magic' && value === 0),
  };
}

/** What is to be remembered of the present frame. */
interface Frame {
  hasChecksum: boolean;
  isLastBlock: boolean;
}

type Expected = readonly [part: Part, bytes: number];

/** What is no frame goes on to the end. */
const FOREIGN: Expected = ['foreign', Number.POSITIVE_INFINITY];

/** What follows a part of that value. */
function partBehind(part: Part, value: number, frame: Frame): Expected {
  switch (part) {
    case 'magic':
      return firstPart(value);
    case 'skippable size':
      return ['skipped', value];
    case 'descriptor':
      frame.hasChecksum = bits(value, 2, 1) === 1;
      return ['header', headerBytes(value)];
    case 'header':
      return ['block header', 3];
    case 'block header':
      frame.isLastBlock = value % 2 === 1;
      return ['block', blockBytes(value)];
    case 'block':
      return frame.isLastBlock ? behindBlocks(frame) : ['block header', 3];
    case 'checksum':
    case 'skipped':
      return ['magic', 4];
    case 'foreign':
      return FOREIGN;
    default:
      return part satisfies never;
  }
}

function firstPart(magic: number): Expected {
  if (magic === MAGIC) return ['descriptor', 1];
  const isSkippable = magic >= FIRST_SKIPPABLE_MAGIC && magic < FIRST_SKIPPABLE_MAGIC + SKIPPABLE_MAGICS;
  return isSkippable ? ['skippable size', 4] : FOREIGN;
}

/** How many bytes of a frame's header follow its descriptor. */
function headerBytes(descriptor: number): number {
  const isSingleSegment = bits(descriptor, 5, 1) === 1;
  const contentSize = CONTENT_SIZE_BYTES[bits(descriptor, 6, 2)] ?? 0;
  const dictionary = DICTIONARY_ID_BYTES[bits(descriptor, 0, 2)] ?? 0;
  const sizeField = contentSize === 0 && isSingleSegment ? 1 : contentSize;
  const window = isSingleSegment ? 0 : 1;
  return window + dictionary + sizeField;
}

function blockBytes(header: number): number {
  const type = Math.floor(header / 2) % 4;
  return type === RLE_BLOCK ? 1 : Math.floor(header / 8);
}

function behindBlocks({ hasChecksum }: Frame): Expected {
  return hasChecksum ? ['checksum', 4] : ['magic', 4];
}

function bits(value: number, from: number, count: number): number {
  return Math.floor(value / 2 ** from) % 2 ** count;
}
