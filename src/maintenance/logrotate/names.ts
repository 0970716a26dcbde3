import { namePattern } from '../retention/index.ts';
import type { Settings } from '../../platform/config/index.ts';

const DAY_MS = 86_400_000;
const GZ = '.gz';

/** Something that lies where a log's archives go. */
export interface Present {
  readonly name: string;
  readonly mtimeMs: number;
}

export interface NamingFacts {
  /** The log's file name. */
  readonly log: string;
  readonly present: readonly Present[];
  /** ms since 1970. */
  readonly now: number;
  readonly timezone: string;
}

export interface Shift {
  readonly from: string;
  readonly to: string;
}

/** Which names a rotation gives and takes, all of them in the directory of the archives. */
export type NamePlan =
  | {
      readonly kind: 'free';
      /** The new archive, before it is compressed. */
      readonly archive: string;
      /** What is beyond `maxage` and goes before the renames, for one of them may want its name. */
      readonly aged: readonly string[];
      /** Renames, to be done in this order before the archive gets its name. */
      readonly shifts: readonly Shift[];
      /** What goes once the archive has its name; a name that a rename gives goes with what has it then. */
      readonly removes: readonly string[];
    }
  | { readonly kind: 'taken'; readonly by: string };

interface Stem {
  readonly base: string;
  readonly extension: string;
}

/** `extension` leaves the log's name and comes again at the end of the archive's. */
function stemOf(log: string, extension: string | undefined): Stem {
  return extension !== undefined && log.endsWith(extension)
    ? { base: log.slice(0, -extension.length), extension }
    : { base: log, extension: '' };
}

/** What `delaycompress` left uncompressed at the rotation before and compresses at the beginning of this one, oldest first. */
export function delayedArchives(options: NamingOptions, facts: NamingFacts): readonly string[] {
  if (!options.compress || !options.delaycompress) return [];
  const dated = datedNaming(options, facts);
  if (dated !== undefined) return known(dated, '', facts.present).map(({ name }) => name);
  const { base, extension } = stemOf(facts.log, options.extension);
  const name = `${base}.${options.start}${extension}`;
  return facts.present.some((one) => one.name === name) ? [name] : [];
}

/**
 * The names of a rotation as logrotate's manual and program have them: numbered from `start` and shifted by one, or dated,
 * of which the `rotate` newest stay; with `maxage` older ones go as well. `rotate` 0 plans as 1 and -1 removes none.
 */
export function planNames(options: NamingOptions, facts: NamingFacts): NamePlan {
  const dated = datedNaming(options, facts);
  return dated === undefined ? planNumbered(options, facts) : planDated(dated, options, facts);
}

/** Whether a name beside the log of that file name is one that these options give to its archives, compressed or not. */
export function isArchive(options: NamingOptions, log: string, name: string, timezone: string): boolean {
  const plain = name.endsWith(GZ) ? name.slice(0, -GZ.length) : name;
  const dated = datedNaming(options, { log, present: [], now: 0, timezone });
  if (dated !== undefined) return plain !== log && dated.order(plain) !== undefined;
  const { base, extension } = stemOf(log, options.extension);
  const numbered = new RegExp(String.raw`^${RegExp.escape(base)}\.\d{1,15}${RegExp.escape(extension)}$`);
  return numbered.test(plain);
}

/** The name that a foreign file gets which lies where an archive belongs; it is not overwritten. */
export function backupName(name: string, now: number, timezone: string): string {
  return `${name}${dateFormat('-%Y%m%d%H', timezone).format(now)}.backup`;
}

function planNumbered(options: NamingOptions, { log, present, now }: NamingFacts): NamePlan {
  const { rotate, start, maxage } = options;
  const suffix = options.compress ? GZ : '';
  const { base, extension } = stemOf(log, options.extension);
  const tail = `${extension}${suffix}`;
  const nameOf = (index: number): string => `${base}.${index}${tail}`;
  const byName = new Map(present.map((one) => [one.name, one]));

  const last = start + (rotate === -1 ? countNumbered(base, tail, start, present) : Math.max(rotate, 1));
  const aged: string[] = [];
  const shifts: Shift[] = [];
  for (let index = last - 1; index >= start; index -= 1) {
    const one = byName.get(nameOf(index));
    if (one === undefined) continue;
    if (isAged(one, maxage, now)) aged.push(one.name);
    else shifts.push({ from: one.name, to: nameOf(index + 1) });
  }
  const falls = shifts.some(({ to }) => to === nameOf(last)) || byName.has(nameOf(last));
  const removes = rotate !== -1 && falls ? [nameOf(last)] : [];
  return { kind: 'free', archive: `${base}.${start}${extension}`, aged, shifts, removes };
}

/** How many numbers from `start` on the highest number that is there spans. */
function countNumbered(base: string, tail: string, start: number, present: readonly Present[]): number {
  const known = new RegExp(String.raw`^${RegExp.escape(base)}\.(\d{1,15})${RegExp.escape(tail)}$`);
  const indexes = present.flatMap(({ name }) => known.exec(name)?.[1] ?? []).map(Number);
  return Math.max(start - 1, ...indexes) - start + 1;
}

/** A way to name archives by date. */
interface DatedNaming {
  readonly archive: string;
  /** What names are sorted by, oldest first; undefined for a name that is none of these. */
  readonly order: (name: string) => number | undefined;
}

function datedNaming(options: NamingOptions, facts: NamingFacts): DatedNaming | undefined {
  const { log, now, timezone } = facts;
  if (options.file !== undefined) {
    const names = namePattern(options.file, timezone, { name: log.replace(/(?<=.)\.[^.]*$/, '') });
    return { archive: names.format(now), order: (name) => names.parse(name)?.from };
  }
  if (!options.dateext) return undefined;
  const { base, extension } = stemOf(log, options.extension);
  const format = dateFormat(options.dateformat, timezone);
  return {
    archive: `${base}${format.format(now)}${extension}`,
    order: (name) =>
      name.startsWith(base) && name.endsWith(extension)
        ? format.order(name.slice(base.length, name.length - extension.length))
        : undefined,
  };
}

function planDated(dated: DatedNaming, options: NamingOptions, facts: NamingFacts): NamePlan {
  const { rotate, maxage } = options;
  const suffix = options.compress ? GZ : '';
  const stored = `${dated.archive}${suffix}`;
  if (facts.present.some(({ name }) => name === stored)) return { kind: 'taken', by: stored };
  const old = known(dated, suffix, facts.present);
  const surplus = rotate === -1 ? 0 : old.length - Math.max(rotate, 1) + 1;
  const removes = old.filter((one, index) => index < surplus || isAged(one, maxage, facts.now));
  return {
    kind: 'free',
    archive: dated.archive,
    aged: [],
    shifts: [],
    removes: removes.map(({ name }) => name),
  };
}

/** The dated archives that end with `suffix`, oldest first. */
function known(dated: DatedNaming, suffix: string, present: readonly Present[]): readonly Present[] {
  return present
    .flatMap((one) => {
      const plain = one.name.endsWith(suffix)
        ? one.name.slice(0, one.name.length - suffix.length)
        : undefined;
      const order = plain === undefined ? undefined : dated.order(plain);
      return order === undefined ? [] : [{ one, order }];
    })
    .toSorted((a, b) => a.order - b.order || (a.one.name < b.one.name ? -1 : 1))
    .map(({ one }) => one);
}

/**
 * Whether `name`, which lies where the archives of `log` go, is the name of one, compressed or not: a pattern like `*.log` or
 * `app.log*` takes archives for logs otherwise.
 */
export function isArchiveName(options: NamingOptions, log: string, name: string, timezone: string): boolean {
  if (name === log) return false;
  const plain = name.endsWith(GZ) ? name.slice(0, -GZ.length) : name;
  const dated = datedNaming(options, { log, present: [], now: 0, timezone });
  if (dated !== undefined) return dated.order(plain) !== undefined;
  const { base, extension } = stemOf(log, options.extension);
  return new RegExp(String.raw`^${RegExp.escape(base)}\.\d{1,15}${RegExp.escape(extension)}$`).test(plain);
}

function isAged({ mtimeMs }: Present, maxageDays: number | undefined, now: number): boolean {
  return maxageDays !== undefined && (now - mtimeMs) / DAY_MS > maxageDays;
}

/** One entry of `settings.logs`: what logrotate calls a log and its directives. */
export type LogEntry = Settings['logs'][number];

/** Those of an entry's keys that decide on names. */
export type NamingOptions = Pick<
  LogEntry,
  | 'rotate'
  | 'start'
  | 'compress'
  | 'delaycompress'
  | 'dateext'
  | 'dateformat'
  | 'extension'
  | 'file'
  | 'maxage'
>;

/**
 * logrotate's `dateformat`: %Y %m %d %H %M %S %V (ISO week) and %s (seconds since 1970); everything else stands for itself.
 */
export interface DateFormat {
  /** The suffix for `at` (ms since 1970). */
  format(at: number): string;
  /** What suffixes are sorted by, oldest first; undefined for one that is no date. */
  order(suffix: string): number | undefined;
}

const DIGITS = { Y: 4, m: 2, d: 2, H: 2, M: 2, S: 2, V: 2, s: 10 } as const;
type Directive = keyof typeof DIGITS;
const DIRECTIVE = /(%[YmdHMSVs])/;

/** The format of that text, its dates in `timezone` (IANA). */
export function dateFormat(text: string, timezone: string): DateFormat {
  const parts = text.split(DIRECTIVE);
  const groups = parts.map((part) => {
    const directive = directiveOf(part);
    return directive === undefined ? RegExp.escape(part) : String.raw`(\d{${DIGITS[directive]}})`;
  });
  const directives = parts.map(directiveOf).filter((directive) => directive !== undefined);
  const whole = new RegExp(`^${groups.join('')}$`);
  return {
    format: (at) => {
      const local = Temporal.Instant.fromEpochMilliseconds(Math.floor(at)).toZonedDateTimeISO(timezone);
      return parts.map((part) => fieldOf(directiveOf(part), local) ?? part).join('');
    },
    order: (suffix) => {
      const found = whole.exec(suffix);
      if (found === null) return undefined;
      return orderOf(
        Object.fromEntries(directives.map((directive, at) => [directive, Number(found[at + 1])])),
      );
    },
  };
}

function directiveOf(part: string): Directive | undefined {
  return DIRECTIVE.test(part) && part.length === 2 ? (part[1] as Directive) : undefined;
}

function fieldOf(directive: Directive | undefined, local: Temporal.ZonedDateTime): string | undefined {
  if (directive === undefined) return undefined;
  const values: Record<Directive, number> = {
    Y: local.year,
    m: local.month,
    d: local.day,
    H: local.hour,
    M: local.minute,
    S: local.second,
    V: local.weekOfYear ?? 0,
    s: Math.floor(local.epochMilliseconds / 1000),
  };
  return String(values[directive]).padStart(DIGITS[directive], '0');
}

/** A week without a date sorts by its name: it says nothing that logrotate's strptime would use. */
function orderOf(fields: Partial<Record<Directive, number>>): number | undefined {
  if (fields.s !== undefined) return fields.s * 1000;
  const { Y: year = 1970, m: month = 1, d: day = 1, H: hour = 0, M: minute = 0, S: second = 0 } = fields;
  try {
    const date = Temporal.PlainDateTime.from(
      { year, month, day, hour, minute, second },
      { overflow: 'reject' },
    );
    return date.toZonedDateTime('UTC').epochMilliseconds;
  } catch (error) {
    if (error instanceof RangeError) return undefined; // no such day or time: another program's file
    throw error;
  }
}
