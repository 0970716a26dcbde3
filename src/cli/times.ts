import { parseTime } from '../platform/runtime/index.ts';

/**
 * A time for people, in `timezone` and with its offset: `2026-11-28 19:05:00 +01:00`. Takes ISO 8601, or `YYYY-MM-DD HH:MM:SS` in
 * UTC as `state.db` has it; gives back what is neither.
 */
export function localTime(time: string, timezone: string): string {
  const iso = /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d$/.test(time) ? `${time.replace(' ', 'T')}Z` : time;
  const at = parseTime(iso);
  if (Number.isNaN(at)) return time;
  const local = Temporal.Instant.fromEpochMilliseconds(at).toZonedDateTimeISO(timezone);
  return `${local.toPlainDateTime().toString({ smallestUnit: 'second' }).replace('T', ' ')} ${local.offset}`;
}

/** A text with every time in ISO 8601 (UTC) in it as {@link localTime} shows it; one that is a part of a name stays as it is. */
export function withLocalTimes(text: string, timezone: string): string {
  return text.replaceAll(/(?<![\w/.:-])\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z(?![\w/:-]|\.\w)/g, (iso) =>
    localTime(iso, timezone),
  );
}
