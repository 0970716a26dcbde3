import { namePattern } from '../retention/index.ts';

/** What a file name ends with that says what it is: `.db`, `.sqlite.gz`; a date is none. */
const ENDINGS = /(?:\.[A-Za-z][A-Za-z0-9]{0,7})?(?:\.gz|\.zst)?$/;

/**
 * What a copy is called when another one has its name, or gets it: with the time at which it was made, before what the name
 * ends with. `isTaken` is asked until a name is free.
 */
export async function timedName(
  name: string,
  at: number,
  timezone: string,
  isTaken: (name: string) => Promise<boolean>,
): Promise<string> {
  const end = ENDINGS.exec(name)?.[0] ?? '';
  const stem = name.slice(0, name.length - end.length);
  const time = namePattern('{HHmmss}', timezone, { name: '' }).format(at);
  for (let number = 1; ; number += 1) {
    const timed = `${stem}_${time}${number === 1 ? '' : `-${number}`}${end}`;
    if (!(await isTaken(timed))) return timed;
  }
}
