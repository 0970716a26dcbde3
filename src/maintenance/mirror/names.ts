import { namePattern, type DatedName } from '../retention/index.ts';

/** The symlink to the newest mirror. */
export const LATEST = 'latest';
/** Beside what the source holds: the hash of every file. Written last, it makes a mirror complete. */
export const MANIFEST = '.wavspool.sha256';

/** A mirror is called by its date; of several of a day the newest, and the others by their time too. */
export interface MirrorNames {
  /** What a mirror made at `at` (ms since 1970) is called at first beside those that are `taken`: by its date where that is free. */
  nameFor(at: number, taken: readonly string[]): string;
  /** What a mirror of a day that was made at `at` is called by its time, beside those that are `taken`. */
  timedFor(day: string, at: number, taken: readonly string[]): string;
  parse(name: string): DatedName | undefined;
  /** The date in a name that {@link parse} knows. */
  dayOf(name: string): string;
}

const DAY_LENGTH = 'YYYY-MM-DD'.length;

/** The names of mirrors, with the dates of `timezone` (IANA). */
export function mirrorNames(timezone: string): MirrorNames {
  const ofDay = namePattern('{YYYY-MM-DD}', timezone, { name: '' });
  const ofSecond = namePattern('{YYYY-MM-DD}_{HHmmss}', timezone, { name: '' });
  const parse = (name: string): DatedName | undefined => ofDay.parse(name) ?? ofSecond.parse(name);
  const timedFor = (day: string, at: number, taken: readonly string[]): string => {
    for (let moment = ofDay.format(at) === day ? at : (ofDay.parse(day)?.from ?? at); ; moment += 1000) {
      const name = ofSecond.format(moment);
      if (!taken.includes(name)) return name;
    }
  };
  return {
    parse,
    timedFor,
    nameFor: (at, taken) => {
      const day = ofDay.format(at);
      return taken.includes(day) ? timedFor(day, at, taken) : day;
    },
    dayOf: (name) => name.slice(0, DAY_LENGTH),
  };
}
