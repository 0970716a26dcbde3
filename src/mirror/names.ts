import { namePattern, type DatedName } from '../retention/index.ts';

/** The symlink to the newest mirror. */
export const LATEST = 'latest';
/** Inside of a mirror: the copy of the source, the snapshots of databases, and the hash of every file. */
export const FILES = 'files';
export const DATABASES = 'databases';
export const MANIFEST = 'SHA256SUMS';

/** A mirror is called by its date; a second one of that day by its time too. */
export interface MirrorNames {
  /**
   * What a mirror made at `at` (ms since 1970) is called beside those that are `taken`: behind all of its day, so not by the
   * date alone again once retention has removed that one.
   */
  nameFor(at: number, taken: readonly string[]): string;
  parse(name: string): DatedName | undefined;
}

/** The names of mirrors, with the dates of `timezone` (IANA). */
export function mirrorNames(timezone: string): MirrorNames {
  const ofDay = namePattern('{YYYY-MM-DD}', timezone, { name: '' });
  const ofSecond = namePattern('{YYYY-MM-DD}_{HHmmss}', timezone, { name: '' });
  const parse = (name: string): DatedName | undefined => ofDay.parse(name) ?? ofSecond.parse(name);
  return {
    parse,
    nameFor: (at, taken) => {
      const day = ofDay.format(at);
      const last = taken
        .filter((name) => name.startsWith(day) && parse(name) !== undefined)
        .toSorted()
        .at(-1);
      if (last === undefined) return day;
      const after = (ofSecond.parse(last)?.from ?? 0) + 1000;
      for (let moment = ofSecond.format(at) > last ? at : after; ; moment += 1000) {
        const name = ofSecond.format(moment);
        if (!taken.includes(name)) return name;
      }
    },
  };
}
