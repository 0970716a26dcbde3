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
    if (error instanceof RangeError) return undefined; // no such day or time: somebody else's file
    throw error;
  }
}
