import { InvalidArgumentError } from 'commander';
import { nearestName, parseDuration } from '../platform/config/index.ts';
import { WavspoolError } from '../domain/faults.ts';
import { sqlTimestamp } from '../platform/runtime/index.ts';

/** An option's whole number above 0. Throws commander's InvalidArgumentError, which is told with the option's name. */
export function wholeNumber(text: string): number {
  const number = Number(text);
  if (!Number.isInteger(number) || number < 1)
    throw new InvalidArgumentError('It has to be a whole number above 0.');
  return number;
}

/**
 * An option's moment as a timestamp of `state.db`: how long ago (`2h`), a day, or a time in the wall clock of `timezone` or with an
 * offset of its own. Throws USAGE, also for one that is still to come: nothing can have happened since.
 */
export function moment(text: string, now: number, timezone: string): string {
  const ago = parseDuration(text);
  const at = ago === undefined ? wallClock(text, timezone, ', or 2h for two hours ago') : now - ago;
  if (at > now) throw new WavspoolError('USAGE', `${JSON.stringify(text)} is still to come`);
  return sqlTimestamp(at);
}

/** An option's moment as ms since 1970: `now`, how long ago (`2h`), or a time as {@link moment} takes it, which may be still to come. Throws USAGE. */
export function pointInTime(text: string, now: number, timezone: string): number {
  if (text.trim() === 'now') return now;
  const ago = parseDuration(text);
  return ago === undefined ? wallClock(text, timezone, ', 2h for two hours ago, or now') : now - ago;
}

function wallClock(text: string, timezone: string, more: string): number {
  const iso = text
    .trim()
    .replace(/^(\d{4}-\d\d-\d\d) +/, '$1T')
    .replace(/ +(?=[+-]\d\d:?\d\d$|Z$)/i, '');
  try {
    if (/T.*(?:Z|[+-]\d\d:?\d\d)$/i.test(iso)) return Temporal.Instant.from(iso).epochMilliseconds;
    return Temporal.PlainDateTime.from(iso).toZonedDateTime(timezone).epochMilliseconds;
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    const message = `${JSON.stringify(text)} is no time: use "2026-11-20 14:00:00" (${timezone}), 2026-11-20 or 2026-11-20T14:00:00Z${more}`;
    throw new WavspoolError('USAGE', message, { cause: error });
  }
}

/** What to say of a word that is none of those that there are. */
export function hint(word: string, known: readonly string[]): string {
  const nearest = nearestName(word, known);
  return nearest === undefined ? `there are ${known.join(', ')}` : `did you mean ${nearest}?`;
}

/** An option's text that has to say something. Throws commander's InvalidArgumentError. */
export function saidText(text: string): string {
  if (text.trim() === '') throw new InvalidArgumentError('It is empty.');
  return text;
}

/** An option's duration in ms. Throws commander's InvalidArgumentError. */
export function durationMs(text: string): number {
  const ms = parseDuration(text);
  if (ms === undefined || ms <= 0) throw new InvalidArgumentError('It has to be a duration: 30m, 2h, 1d.');
  return ms;
}
