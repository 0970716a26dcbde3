import { BLOCK_BYTES, numeric, sparseMapContinues, type TarHeader } from './header.ts';

// A sparse member is stored without its holes, and a map says where its parts belong: GNU tar's old one behind the header, and that of
// its PAX versions 0.0, 0.1 and 1.0, which bsdtar writes too. Nothing is guessed: a map that does not fit the bytes is none.

/** Bytes of the content that stand in the tar. */
export interface Extent {
  readonly offset: number;
  readonly bytes: number;
}

/** What a sparse member's content is: the extents in their order, zeros between them and behind the last. */
export interface SparseMap {
  /** Of the content, in bytes. */
  readonly size: number;
  readonly extents: readonly Extent[];
}

/** What a map says, before it is known to fit. */
export interface StatedMap {
  readonly size: number | undefined;
  /** Offset and length in turns; undefined where something else stood. */
  readonly numbers: readonly (number | undefined)[];
}

type NextBlock = () => Promise<Uint8Array>;

/** A recording of an hour with a hole in every block of 4 KiB has 14,000 parts. */
export const MAX_EXTENTS = 65_536;

const OLD_MAP = { start: 386, entries: 4, realSize: 483 } as const;
const OLD_ENTRY_BYTES = 24;
const OLD_NUMBER_BYTES = 12;
const OLD_ENTRIES_PER_BLOCK = 21;
const GNU_MAGIC = 'ustar  \0';
/** Decimal digits of a number in a map that stands before the body. */
const MAX_LINE_BYTES = 16;

/** The map that was stated, if it fits exactly: parts in their order, none over another, `storedBytes` in all. */
export function fittingMap({ size, numbers }: StatedMap, storedBytes: number): SparseMap | undefined {
  if (size === undefined || numbers.length % 2 !== 0) return undefined;
  const extents: Extent[] = [];
  let end = 0;
  let stored = 0;
  for (let at = 0; at < numbers.length; at += 2) {
    const [offset, bytes] = [numbers[at], numbers[at + 1]];
    if (offset === undefined || bytes === undefined || offset < end) return undefined;
    end = offset + bytes;
    stored += bytes;
    if (bytes > 0) extents.push({ offset, bytes });
  }
  return end <= size && stored === storedBytes ? { size, extents } : undefined;
}

/** Reads the map of a header of type `S` in GNU tar's old format, with the blocks in which it goes on. */
export async function readOldMap(header: TarHeader, nextBlock: NextBlock): Promise<StatedMap> {
  const { block } = header;
  const numbers = entriesOf(block, OLD_MAP.start, OLD_MAP.entries);
  for (let continues = header.mapContinues; continues;) {
    const more = await nextBlock();
    // of too long a map only the beginning is kept, which cannot fit
    if (numbers.length <= 2 * MAX_EXTENTS) numbers.push(...entriesOf(more, 0, OLD_ENTRIES_PER_BLOCK));
    continues = sparseMapContinues(more);
  }
  const isGnu = Buffer.from(block.subarray(257, 265)).toString('latin1') === GNU_MAGIC;
  const size = numeric(block.subarray(OLD_MAP.realSize, OLD_MAP.realSize + OLD_NUMBER_BYTES));
  return { size: isGnu && numbers.length <= 2 * MAX_EXTENTS ? size : undefined, numbers };
}

/** An entry whose length begins with a NUL, and what is behind it, is none. */
function entriesOf(block: Uint8Array, start: number, entries: number): (number | undefined)[] {
  const numbers: (number | undefined)[] = [];
  for (let at = start; at < start + entries * OLD_ENTRY_BYTES; at += OLD_ENTRY_BYTES) {
    const length = block.subarray(at + OLD_NUMBER_BYTES, at + OLD_ENTRY_BYTES);
    if (length[0] === 0) break;
    numbers.push(numeric(block.subarray(at, at + OLD_NUMBER_BYTES)), numeric(length));
  }
  return numbers;
}

/**
 * Reads the map that stands before the body in version 1.0: a line with how many parts there are, two for each, in whole blocks of at most
 * `maxBytes`. Undefined where something else stands there.
 */
export async function readMapOfBody(
  maxBytes: number,
  nextBlock: NextBlock,
): Promise<{ readonly mapBytes: number; readonly numbers: readonly number[] } | undefined> {
  const numbers: number[] = [];
  let rest = '';
  let mapBytes = 0;
  const isWhole = (): boolean => numbers.length > 0 && numbers.length > 2 * (numbers[0] ?? 0);
  while (!isWhole()) {
    if (mapBytes + BLOCK_BYTES > maxBytes || (numbers[0] ?? 0) > MAX_EXTENTS) return undefined;
    const lines = `${rest}${Buffer.from(await nextBlock()).toString('latin1')}`.split('\n');
    mapBytes += BLOCK_BYTES;
    rest = lines.pop() ?? '';
    for (const line of lines) {
      if (isWhole()) break;
      if (!isDecimal(line)) return undefined;
      numbers.push(Number(line));
    }
    if (!isWhole() && rest.length > MAX_LINE_BYTES) return undefined;
  }
  return { mapBytes, numbers: numbers.slice(1, 1 + 2 * (numbers[0] ?? 0)) };
}

function isDecimal(line: string): boolean {
  return line.length <= MAX_LINE_BYTES && /^[0-9]+$/.test(line);
}
