/** How a schedule names what it makes, and how it knows its own again. */
export interface NamePattern {
  /** The name of what is made at `at` (ms since 1970). */
  format(at: number, label?: string): string;
  /** The period (ms since 1970) that a name speaks of; undefined for a name that this pattern never gives. */
  parse(name: string): DatedName | undefined;
}

export interface DatedName {
  readonly from: number;
  /** Exclusive. */
  readonly until: number;
  readonly label?: string;
}

const FIELDS = {
  '{YYYYMMDD}': String.raw`(?<year>\d{4})(?<month>\d\d)(?<day>\d\d)`,
  '{YYYY-MM-DD}': String.raw`(?<year>\d{4})-(?<month>\d\d)-(?<day>\d\d)`,
  '{YYYY-MM-DD-HH-mm-ss}': String.raw`(?<year>\d{4})-(?<month>\d\d)-(?<day>\d\d)-(?<hour>\d\d)-(?<minute>\d\d)-(?<second>\d\d)`,
  '{HHmmss}': String.raw`(?<hour>\d\d)(?<minute>\d\d)(?<second>\d\d)`,
  '{label}': String.raw`(?<label>[\p{L}\p{N}._-]+)`,
} as const;

const PLACEHOLDER = /(\{[^}]*\})/;
const LONGEST_LABEL = 64;
const NO_LABEL = 'unlabelled';

/**
 * A label as it may stand in a file name: letters, digits, `.`, `_` and `-`; every run of others becomes one `-`, and it
 * begins with a letter or a digit. At most 64 characters; what has none left is `unlabelled`.
 */
export function safeLabel(label: string): string {
  const safe = label
    .normalize('NFC')
    .replaceAll(/[^\p{L}\p{N}._]+/gu, '-')
    .replaceAll(/^[^\p{L}\p{N}]+|-+$/gu, '');
  return Array.from(safe).slice(0, LONGEST_LABEL).join('') || NO_LABEL;
}

/**
 * The pattern of a settings key `file`, its dates in `timezone` (IANA). `{name}` stands for the fixed name. A field that
 * stands twice must agree with itself to be known again.
 */
export function namePattern(
  pattern: string,
  timezone: string,
  { name: fixedName }: { name: string },
): NamePattern {
  const parts = pattern.replaceAll('{name}', fixedName).split(PLACEHOLDER);
  const known = new RegExp(`^${parts.map(partPattern).join('')}$`, 'u');
  return {
    format: (at, label = '') => {
      const fields = fieldsAt(at, timezone, safeLabel(label));
      return parts.map((part) => fields[part] ?? part).join('');
    },
    parse: (found) => {
      const match = known.exec(found);
      return match === null ? undefined : datedName(match.groups ?? {}, timezone);
    },
  };

  function partPattern(part: string, index: number): string {
    const field: string | undefined = FIELDS[part as keyof typeof FIELDS];
    if (field === undefined) return RegExp.escape(part);
    // a group's name may stand once: what a field said before, it must say again
    const before = parts.slice(0, index).flatMap((one) => groupsOf(one));
    return field.replaceAll(/\(\?<(\w+)>(?:\[[^\]]*\]|\\d\{4\}|\\d\\d)\+?\)/g, (group, key: string) =>
      before.includes(key) ? String.raw`\k<${key}>` : group,
    );
  }
}

function groupsOf(part: string): readonly string[] {
  return [...(FIELDS[part as keyof typeof FIELDS] ?? '').matchAll(/<(\w+)>/g)].map(([, key = '']) => key);
}

function fieldsAt(at: number, timezone: string, label: string): Readonly<Record<string, string>> {
  const local = Temporal.Instant.fromEpochMilliseconds(Math.floor(at)).toZonedDateTimeISO(timezone);
  const date = [String(local.year).padStart(4, '0'), two(local.month), two(local.day)];
  const time = [two(local.hour), two(local.minute), two(local.second)];
  return {
    '{YYYYMMDD}': date.join(''),
    '{YYYY-MM-DD}': date.join('-'),
    '{YYYY-MM-DD-HH-mm-ss}': [...date, ...time].join('-'),
    '{HHmmss}': time.join(''),
    '{label}': label,
  };
}

function two(number: number): string {
  return String(number).padStart(2, '0');
}

function datedName(groups: Readonly<Record<string, string>>, timezone: string): DatedName | undefined {
  const { year, month, day, hour, minute, second, label } = groups;
  const labelled = label === undefined ? {} : { label };
  // a name without a date is the same at every run, so it says nothing of when
  if (year === undefined) return { from: 0, until: Number.MAX_SAFE_INTEGER, ...labelled };
  const time = hour === undefined ? '' : `T${hour}:${minute}:${second}`;
  try {
    const from = Temporal.PlainDateTime.from(`${year}-${month}-${day}${time}`, { overflow: 'reject' });
    const until = time === '' ? from.add({ days: 1 }) : from.add({ seconds: 1 });
    return {
      from: from.toZonedDateTime(timezone, { disambiguation: 'earlier' }).epochMilliseconds,
      until: until.toZonedDateTime(timezone, { disambiguation: 'later' }).epochMilliseconds,
      ...labelled,
    };
  } catch (error) {
    if (error instanceof RangeError) return undefined; // no such day or time: not a name of ours
    throw error;
  }
}

/** When something of this name was made, given its file's mtime: the mtime where the name bears it out, else the end of what the name says. */
export function momentOf({ from, until }: DatedName, mtimeMs: number): number {
  return mtimeMs >= from && mtimeMs < until ? mtimeMs : until - 1;
}
