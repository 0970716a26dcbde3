import { z } from 'zod';
import { cronFault } from './cron.ts';
import { Secret } from './secret.ts';
import { formatDuration, formatSize, parseDuration, parseSize } from './units.ts';

/**
 * The kinds of value that settings are made of. Every message says what is allowed and nothing else: what was found,
 * where, and whether it may be shown, is added where the faults are collected. Numbers and booleans may be written as
 * text too, for that is how the environment delivers them.
 */
export type ValueKind = 'plain' | 'path' | 'duration' | 'size' | 'secret';

const DAY_MS = 86_400_000;

/** Longest wait that is offered: a timer of Node holds 24 days at most and fires at once beyond that. */
const LONGEST_WAIT_MS = 14 * DAY_MS;

interface Bounds {
  readonly min: number;
  readonly max: number;
}

export const text = z.string({ error: 'a text that is not empty' }).min(1, 'a text that is not empty');

/** A text that may be empty. */
export const anyText = z.string({ error: 'a text' });

/** A text that has to look like `pattern`. */
export function textLike(pattern: RegExp, allowed: string) {
  return z.string({ error: allowed }).regex(pattern, allowed);
}

/** One of these words. */
export function oneOf<const Words extends readonly string[]>(...words: Words) {
  return z.enum(words, { error: words.join(', ') });
}

/** A list of values; `allowed` says what an entry is. */
export function listOf<Entry extends z.ZodType>(entry: Entry, allowed: string) {
  return z.array(entry, { error: `a list: ${allowed}` });
}

/** A mapping of at least one name to a value; `allowed` says of what. The value's kind is that of the whole. */
export function mapOf<Name extends z.ZodString, Entry extends z.ZodType>(
  name: Name,
  entry: Entry,
  allowed: string,
) {
  return z
    .record(name, entry, { error: `a mapping: ${allowed}` })
    .refine((entries) => Object.keys(entries).length > 0, `a mapping of at least one: ${allowed}`);
}

/** A list of values with at least one entry. */
export function someOf<Entry extends z.ZodType>(entry: Entry, allowed: string) {
  return listOf(entry, allowed).min(1, `a list of at least one entry: ${allowed}`);
}

/** The name of a database, a snapshot, an event: it becomes part of file names, keys and addresses. */
export const nameText = textLike(
  /^[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$/,
  'letters, digits, "-", "_" and ".", at most 63, e.g. state',
);

/** A path, absolute by the time it is validated: relative ones were resolved and a leading `<data>` replaced before. */
export const path = textLike(
  /^\/(?!.*<data>)\P{Cc}*$/u,
  'a path; "~" is not expanded (write ${HOME}), "<data>" is replaced at its beginning only',
).meta({ kind: 'path' });

/** A text that is never shown and that is what `allowed` says; the parsed value is a {@link Secret}. */
export function secretThat(isAllowed: (value: string) => boolean, allowed: string) {
  return z
    .string({ error: allowed })
    .refine(isAllowed, allowed)
    .transform((value) => new Secret(value))
    .meta({ kind: 'secret' });
}

export const secret = secretThat(
  (value) => /^[\u0021-\u007e]+$/.test(value),
  'a text of printable ASCII without spaces',
);

/** An address that is called when a run ends well. Who knows it can call it, so it is never shown. */
export const pingAddress = z
  .url({ protocol: /^https?$/, error: 'an http:// or https:// address' })
  .meta({ kind: 'secret' });

/** A duration as text (`200ms`, `30s`, `5m`, `2h`, `30d`, `12w`); the parsed value is milliseconds within `bounds`. */
export function duration({ min, max }: Bounds = { min: 0, max: Number.MAX_SAFE_INTEGER }) {
  const limits = [
    ...(min > 0 ? [`at least ${formatDuration(min)}`] : []),
    ...(max < Number.MAX_SAFE_INTEGER ? [`at most ${formatDuration(max)}`] : []),
  ];
  const allowed = ['a duration like 200ms, 30s, 5m, 2h, 30d or 12w', ...limits].join(', ');
  return z
    .string({ error: allowed })
    .transform((value, ctx) => {
      const ms = parseDuration(value);
      if (ms === undefined || ms < min || ms > max) {
        ctx.addIssue({ code: 'custom', message: allowed });
        return z.NEVER;
      }
      return ms;
    })
    .meta({ kind: 'duration' });
}

/** A duration that something waits for. */
export const waitingTime = duration({ min: 1, max: LONGEST_WAIT_MS });

/** A size as text (`512KiB`, `16MiB`, `2GiB`) or whole bytes; the parsed value is bytes within `bounds`. */
export function size({ min, max }: Bounds = { min: 0, max: Number.MAX_SAFE_INTEGER }) {
  const limits = [
    ...(min > 1 ? [`at least ${formatSize(min)}`] : []),
    ...(max < Number.MAX_SAFE_INTEGER ? [`at most ${formatSize(max)}`] : []),
  ];
  const more = min === 1 ? ['more than 0'] : [];
  const allowed = ['a size like 512KiB, 16MiB or 2GiB, or whole bytes', ...more, ...limits].join(', ');
  return z
    .union([z.string(), z.int()], { error: allowed })
    .transform((value, ctx) => {
      const bytes = parseSize(String(value));
      if (bytes === undefined || bytes < min || bytes > max) {
        ctx.addIssue({ code: 'custom', message: allowed });
        return z.NEVER;
      }
      return bytes;
    })
    .meta({ kind: 'size' });
}

/** A whole number within `bounds`. */
export function wholeNumber({ min, max }: Bounds) {
  const allowed =
    max === Number.MAX_SAFE_INTEGER
      ? `a whole number, ${min} or more`
      : `a whole number from ${min} to ${max}`;
  return z.preprocess(numberInText, z.int({ error: allowed }).min(min, allowed).max(max, allowed));
}

export const count = wholeNumber({ min: 1, max: Number.MAX_SAFE_INTEGER });

/** A number of seconds within `bounds`, with decimals if need be. */
export function seconds({ min, max }: Bounds) {
  const allowed = `a number of seconds from ${min} to ${max}`;
  return z.preprocess(numberInText, z.number({ error: allowed }).min(min, allowed).max(max, allowed));
}

export const yesNo = z.preprocess(
  (value) => (value === 'true' ? true : value === 'false' ? false : value),
  z.boolean({ error: 'true or false' }),
);

export const cron = z
  .string({ error: 'a cron pattern of 5 fields, e.g. "0 2 * * *"' })
  .superRefine((value, ctx) => {
    const fault = cronFault(value);
    if (fault !== undefined) ctx.addIssue({ code: 'custom', message: fault });
  });

export const timezone = z
  .string({ error: 'an IANA time zone, e.g. UTC or Europe/Berlin' })
  .refine(isTimezone, 'an IANA time zone, e.g. UTC or Europe/Berlin');

/** What is replaced in the names of files that are written. */
export const PLACEHOLDERS = [
  '{YYYYMMDD}',
  '{YYYY-MM-DD}',
  '{YYYY-MM-DD-HH-mm-ss}',
  '{HHmmss}',
  '{label}',
  '{name}',
];

const fileNameAllowed = `a file name (its directory is "dir") in which ${PLACEHOLDERS.join(' ')} are replaced`;

/** The name of a file that is written, with placeholders. */
export const fileName = textLike(/^[^/\p{Cc}]+$/u, fileNameAllowed).refine(
  (value) =>
    value !== '.' &&
    value !== '..' &&
    (value.match(/\{[^}]*\}?|\}/g) ?? []).every((found) => PLACEHOLDERS.includes(found)),
  fileNameAllowed,
);

function numberInText(value: unknown): unknown {
  return typeof value === 'string' && /^-?\d{1,15}(\.\d{1,9})?$/.test(value) ? Number(value) : value;
}

function isTimezone(name: string): boolean {
  if (name === 'UTC') return true; // the default: to ask takes each process 15 ms of its start
  try {
    Intl.DateTimeFormat('en', { timeZone: name });
    return true;
  } catch {
    return false; // Intl throws a RangeError for a name it does not know: that is the answer, not a fault
  }
}
