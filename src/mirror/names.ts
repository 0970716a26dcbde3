import { namePattern, type DatedName } from '../retention/index.ts';

/** The symlink to the newest mirror. */
export const LATEST = 'latest';
/** Inside of a mirror: the copy of the source, the snapshots of databases, and the hash of every file. */
export const FILES = 'files';
export const DATABASES = 'databases';
export const MANIFEST = 'SHA256SUMS';

/** A mirror is called by its date; a second one of that day by its time too. */
export interface MirrorNames {
  /** What a mirror made at `at` (ms since 1970) may be called. */
  choices(at: number): Choices;
  parse(name: string): DatedName | undefined;
}

export interface Choices {
  /** For the first one of a day. */
  readonly ofDay: string;
  /** For the others, the first that is free. */
  readonly ofSeconds: readonly string[];
}

/** Two mirrors of one second differ by the next one. */
const SECONDS_TRIED = 10;

/** The names of mirrors, with the dates of `timezone` (IANA). */
export function mirrorNames(timezone: string): MirrorNames {
  const ofDay = namePattern('{YYYY-MM-DD}', timezone, { name: '' });
  const ofSecond = namePattern('{YYYY-MM-DD}_{HHmmss}', timezone, { name: '' });
  return {
    choices: (at) => ({
      ofDay: ofDay.format(at),
      ofSeconds: Array.from({ length: SECONDS_TRIED }, (_, second) => ofSecond.format(at + second * 1000)),
    }),
    parse: (name) => ofDay.parse(name) ?? ofSecond.parse(name),
  };
}
