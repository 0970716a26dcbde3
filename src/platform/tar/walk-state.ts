import { readUpTo, type TarBytes } from './bytes.ts';
import type { Admissible, TarEnd } from './end.ts';
import { tarFault, type TarProgress } from './fault.ts';
import { BLOCK_BYTES } from './header.ts';
import type { PaxFacts } from './pax.ts';

/** {@link PaxFacts} with names as text: decoded once, where a global header may stand for a million members. */
export interface Facts extends Pick<PaxFacts, 'size' | 'sparse'> {
  readonly path?: string | null;
  readonly linkPath?: string | null;
}

/** What extended headers have said about the member that comes next. */
export interface Overrides {
  readonly longName?: string;
  readonly longTarget?: string;
  readonly pax?: Facts;
}

export interface WalkOptions {
  /** Endings other than the marker that end the tar as well; none unless told otherwise. */
  readonly admit?: readonly Admissible[] | undefined;
  /** The bytes were compressed in the file, so that their places there are others. */
  readonly isUnpacked?: boolean | undefined;
  /** Ends the reading with its reason. */
  readonly signal?: AbortSignal | undefined;
  /** Called between two chunks, for reading never waits; without it the event loop gets its turn after each. */
  readonly yieldTurn?: (() => Promise<void>) | undefined;
  /** Told how the tar ends, also when that ending is not admitted. */
  readonly onEnd?: ((end: TarEnd) => void) | undefined;
}

/** Where the reading of a tar has come to. */
export interface Walk {
  readonly bytes: TarBytes;
  readonly progress: TarProgress;
  readonly options: WalkOptions;
  globals: Facts;
  /** Extended headers since the last member. */
  metadataHeaders: number;
  /** A block that was read to see what it is, and is still to be taken. */
  held: Uint8Array | undefined;
  /** Headers of the last record: what may stand again behind the marker. */
  readonly recent: { readonly offset: number; readonly block: Uint8Array }[];
  strayZeroBlocks: number;
  bodyEnd: number | undefined;
}

/** The next block. Throws `TAR_INCOMPLETE`, which says that `expected` was. */
export async function block(walk: Walk, expected: string): Promise<Uint8Array> {
  const found = await readUpTo(walk.bytes, BLOCK_BYTES);
  if (found.length < BLOCK_BYTES) throw endsEarly(walk, expected);
  return found;
}

/** Passes over `bytes`. Throws `TAR_INCOMPLETE`. */
export async function skipExactly(walk: Walk, bytes: number, expected: string): Promise<void> {
  const skipped = await walk.bytes.skip(bytes);
  if (skipped < bytes) throw endsEarly(walk, `${bytes - skipped} more bytes of ${expected}`);
}

/** What fills up the last block of so many bytes. */
export function paddingOf(size: number): number {
  return (BLOCK_BYTES - (size % BLOCK_BYTES)) % BLOCK_BYTES;
}

/** A fault where the reading is. */
export function corrupt({ bytes, progress }: Walk, what: string): Error {
  return tarFault('TAR_CORRUPT', progress, bytes.position, what);
}

/** The bytes end where the reading is. */
export function endsEarly({ bytes, progress }: Walk, expected: string): Error {
  return tarFault('TAR_INCOMPLETE', progress, bytes.position, `the tar ends, expected: ${expected}`);
}
