import { BLOCK_BYTES } from './header.ts';

// How tars end. GNU tar, bsdtar and node-tar take any tar that stops between two members for a whole one; here only the end
// marker proves that nothing is missing, and what other writers leave instead is told apart by name.

/**
 * What stands behind the last member. `marker`: two zero blocks. `one zero block`: a single one as the very last (SharpZipLib,
 * Plexus), as if the marker had been cut in half, or before what the record before it held at the same place (SharpZipLib 0.8). `unterminated`: nothing, right behind the last member's bytes. `cut`: the
 * bytes end within something.
 */
export type Ending = 'marker' | 'one zero block' | 'unterminated' | 'cut';

/** Endings that a reader may be told to take for an end. */
export type Admissible = Exclude<Ending, 'marker' | 'cut'>;

/**
 * What ends a tar that lies long enough without growing. One zero block is all that some writers leave; that nothing is left
 * must be allowed by `arrival.unterminated`, for it cannot be told from a cut between two members.
 */
export function admittedEndings(unterminated: 'incomplete' | 'accept'): readonly Admissible[] {
  return unterminated === 'accept' ? ['one zero block', 'unterminated'] : ['one zero block'];
}

/** What is known of a tar's end, for the proof, which decides how long it is waited for, and for the note of oddities. */
export interface TarEnd {
  readonly ending: Exclude<Ending, 'cut'>;
  /** Zeros behind the 10,240-byte record in which the tar ends: padding, or room for what is still to come. */
  readonly zerosBehind: number;
  /** Bytes other than zero behind the marker, within its record: AIX and Ant leave there what was in their buffer. */
  readonly leftovers: number;
  /** Single zero blocks between members, as PEAR writes them. */
  readonly strayZeroBlocks: number;
  /** Where the last body ends; undefined when no member had one. */
  readonly bodyEnd: number | undefined;
}

/** Tar writes records of so many bytes, twenty blocks, and fills up the last one. */
export const RECORD_BYTES = 20 * BLOCK_BYTES;

/** Where the record ends that holds the byte before `offset`. */
export function recordEnd(offset: number): number {
  return Math.ceil(offset / RECORD_BYTES) * RECORD_BYTES;
}

/** What an ending that is none is called: what was expected where the bytes end. */
export const EXPECTED_INSTEAD: Readonly<Record<Admissible, string>> = {
  'one zero block': 'the second zero block of the end marker',
  unterminated: 'a header or the end marker of two zero blocks',
};
