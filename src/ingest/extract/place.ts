import { join } from 'node:path';
import type { Occupant } from '../../domain/recording.ts';

// P5 as pure functions: two different recordings never end at one path, equal bytes are one recording.

/**
 * The paths that a recording may get, in the order in which they are tried: its own, below its tar's name, below its
 * tar's name and its hash; below its hash alone where the recording of `call.wav.tar` is `call.wav`, whose name a directory
 * cannot have as well. `directory` is the tar's directory below `paths.extracted`.
 */
export function candidatePaths(
  directory: string,
  tarName: string,
  relativePath: string,
  sha256: string,
): readonly [string, ...string[]] {
  const stem = tarStem(tarName);
  const hash = sha256.slice(0, 12);
  return [
    join(directory, relativePath),
    join(directory, stem, relativePath),
    join(directory, stem, hash, relativePath),
    join(directory, hash, relativePath),
  ];
}

/** `file1.tar.gz` → `file1`. */
export function tarStem(tarName: string): string {
  return tarName.replace(/\.(tar|tgz|tar\.gz|tar\.zst)$/i, '') || tarName;
}

export type Place =
  /** The place is free. */
  | 'free'
  /** The same bytes are there already: the recording is that one. */
  | 'same'
  /** A file lies there that is not what its row says: it is moved aside, the recording takes its place. */
  | 'altered'
  /** Another recording is there. */
  | 'taken'
  /** A legacy row says that it was uploaded, and its file is gone: only the store can tell what it was. */
  | 'ask the store';

/**
 * What a candidate path is to a recording with `sha256`. `occupant` is the row of that path, `fileSha256` the hash of the
 * file that lies there (undefined: none).
 */
export function judgePlace(
  sha256: string,
  occupant: Occupant | undefined,
  fileSha256: string | undefined,
): Place {
  if (occupant?.sha256 !== undefined) {
    if (occupant.sha256 !== sha256) return 'taken';
    if (occupant.status === 'SUCCESS' || fileSha256 === sha256) return 'same';
    return fileSha256 === undefined ? 'free' : 'altered';
  }
  if (fileSha256 === sha256) return 'same';
  if (fileSha256 !== undefined) return 'taken';
  return occupant?.status === 'SUCCESS' ? 'ask the store' : 'free';
}

/**
 * What a legacy row is to a recording, by its object: `isSame` is whether that has the same bytes (undefined: there is none).
 * A row whose object is elsewhere is believed when the recording comes from a tar whose own row is a legacy one too: it is not
 * uploaded again. A recording of any other tar gets a name of its own.
 */
export function judgeLegacy(isSame: boolean | undefined, isOfLegacyTar: boolean): 'same' | 'taken' {
  return (isSame ?? isOfLegacyTar) ? 'same' : 'taken';
}
