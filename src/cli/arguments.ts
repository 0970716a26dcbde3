import { parseDuration } from '../config/index.ts';
import { WavspoolError } from '../faults.ts';
import { parseTime, sqlTimestamp } from '../runtime/index.ts';

/** An option's whole number above 0. Throws USAGE. */
export function wholeNumber(text: string): number {
  const number = Number(text);
  if (!Number.isInteger(number) || number < 1)
    throw new WavspoolError('USAGE', `${text} is no whole number above 0`);
  return number;
}

/** An option's moment, a time or how long ago, as a timestamp of `state.db`. Throws USAGE. */
export function moment(text: string, now: number): string {
  const ago = parseDuration(text);
  if (ago !== undefined) return sqlTimestamp(now - ago);
  const at = parseTime(
    /[zZ]|[+-]\d\d:?\d\d$/.test(text)
      ? text
      : `${text.replace(' ', 'T')}${text.length > 10 ? 'Z' : 'T00:00:00Z'}`,
  );
  if (Number.isNaN(at))
    throw new WavspoolError('USAGE', `--since ${text}: use "2026-11-20 14:00:00", 2026-11-20, or 2h`);
  return sqlTimestamp(at);
}

/** An option's moment in the wall clock of `timezone`, or with a zone of its own, as ms since 1970. Throws USAGE. */
export function pointInTime(text: string, timezone: string): number {
  try {
    if (/(?:[zZ]|[+-]\d\d:?\d\d)$/.test(text))
      return Temporal.Instant.from(text.replace(' ', 'T')).epochMilliseconds;
    return Temporal.PlainDateTime.from(text.replace(' ', 'T')).toZonedDateTime(timezone).epochMilliseconds;
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    const message = `${JSON.stringify(text)} is no time: use "2026-11-20 14:00:00" (${timezone}) or 2026-11-20T14:00:00Z`;
    throw new WavspoolError('USAGE', message, { cause: error });
  }
}
