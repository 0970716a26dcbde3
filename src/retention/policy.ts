/** The rules of a settings key `keep`; what any of them keeps stays. */
export interface Keep {
  /** The newest n. */
  readonly last?: number | undefined;
  /** All of the n days that end with the newest one's. */
  readonly days?: number | undefined;
  /** The newest of each of the last n days that have any. */
  readonly daily?: number | undefined;
  /** One of each of the last n weeks (Monday to Sunday) that have any: the newest of the weekday, else of the week. */
  readonly weekly?: number | undefined;
  /** The newest of each of the last n months that have any. */
  readonly monthly?: number | undefined;
  readonly weekday: Weekday;
}

const WEEKDAYS = ['monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday', 'sunday'] as const;
export type Weekday = (typeof WEEKDAYS)[number];

/** Something that a schedule made. */
export interface Dated {
  readonly name: string;
  /** When it was made, ms since 1970. */
  readonly at: number;
  /** What never proved to be good takes no good one's place. */
  readonly verified: boolean;
}

export interface Judged<T> {
  readonly item: T;
  readonly keep: boolean;
  /** Why it is kept, each rule that wants it; or the one reason why it goes. */
  readonly reasons: readonly string[];
}

interface Placed<T> {
  readonly item: T;
  readonly local: Temporal.ZonedDateTime;
}

/**
 * What stays and what goes, newest first, each with its reasons. The rules count as restic's `forget` does: from the newest
 * verified one, so that a schedule that has stopped loses nothing, over days, weeks and months that have any. The newest
 * verified one always stays, and where none is verified, all do. One that is not verified takes nobody's place and stays only
 * as long as it would if it were. Applied twice it changes nothing more.
 */
export function applyKeep<T extends Dated>(
  all: readonly T[],
  keep: Keep | undefined,
  timezone: string,
): readonly Judged<T>[] {
  const placed = all
    .map((item) => ({ item, local: zoned(item.at, timezone) }))
    .toSorted((a, b) => b.item.at - a.item.at || (a.item.name < b.item.name ? 1 : -1));
  const verified = placed.filter(({ item }) => item.verified);
  const [newest] = verified;
  if (keep === undefined) return placed.map(({ item }) => stay(item, 'no rule removes any'));
  if (newest === undefined) return placed.map(({ item }) => stay(item, 'none is verified, so none goes'));

  const rules = rulesOf(keep, verified, newest);
  return placed.map((one) => {
    const reasons = [
      ...(one === newest ? ['the newest verified one'] : []),
      ...rules.filter(({ wants }) => wants(one)).map(({ reason }) => reason),
    ];
    if (reasons.length > 0) return { item: one.item, keep: true, reasons };
    return { item: one.item, keep: false, reasons: ['no rule keeps it'] };
  });
}

function stay<T>(item: T, reason: string): Judged<T> {
  return { item, keep: true, reasons: [reason] };
}

interface Rule<T> {
  readonly reason: string;
  readonly wants: (one: Placed<T>) => boolean;
}

function rulesOf<T extends Dated>(
  { last, days, daily, weekly, monthly, weekday }: Keep,
  verified: readonly Placed<T>[],
  newest: Placed<T>,
): readonly Rule<T>[] {
  const rules: Rule<T>[] = [];
  if (last !== undefined) {
    rules.push({
      reason: `last ${last}`,
      wants: (one) => verified.filter(({ item }) => isNewer(item, one.item)).length < last,
    });
  }
  if (days !== undefined) {
    // to the hour: a run that began a few seconds late must not stay a day longer for it
    const cutoff = wholeHour(newest.local).subtract({ days });
    rules.push({
      reason: `within ${days} days`,
      wants: ({ local }) => Temporal.PlainDateTime.compare(wholeHour(local), cutoff) > 0,
    });
  }
  const buckets = (
    count: number,
    what: string,
    keyOf: (local: Temporal.ZonedDateTime) => string,
    choose: (inside: readonly Placed<T>[]) => Placed<T> | undefined,
  ): Rule<T> => {
    const byKey = Map.groupBy(verified, ({ local }) => keyOf(local));
    // the newest come first, so the last n buckets are the first n
    const oldestKey = [...byKey.keys()].at(Math.min(count, byKey.size) - 1) ?? '';
    return {
      reason: `${what} ${count}`,
      wants: (one) => {
        const key = keyOf(one.local);
        const inside = byKey.get(key) ?? [];
        const candidates = one.item.verified ? inside : [one, ...inside].toSorted(byNewest);
        const isWithin = key >= oldestKey || byKey.size < count;
        return count > 0 && isWithin && choose(candidates) === one;
      },
    };
  };
  if (daily !== undefined) rules.push(buckets(daily, 'daily', dayOf, ([first]) => first));
  if (weekly !== undefined) {
    const wanted = WEEKDAYS.indexOf(weekday) + 1;
    rules.push(
      buckets(
        weekly,
        'weekly',
        weekOf,
        (inside) => inside.find(({ local }) => local.dayOfWeek === wanted) ?? inside[0],
      ),
    );
  }
  if (monthly !== undefined) rules.push(buckets(monthly, 'monthly', monthOf, ([first]) => first));
  return rules;
}

function byNewest<T extends Dated>(a: Placed<T>, b: Placed<T>): number {
  return isNewer(a.item, b.item) ? -1 : 1;
}

function isNewer(one: Dated, other: Dated): boolean {
  return one.at === other.at ? one.name > other.name : one.at > other.at;
}

function zoned(at: number, timezone: string): Temporal.ZonedDateTime {
  return Temporal.Instant.fromEpochMilliseconds(Math.floor(at)).toZonedDateTimeISO(timezone);
}

function wholeHour(local: Temporal.ZonedDateTime): Temporal.PlainDateTime {
  return local.toPlainDateTime().round({ smallestUnit: 'hour', roundingMode: 'floor' });
}

function dayOf(local: Temporal.ZonedDateTime): string {
  return local.toPlainDate().toString();
}

/** The Monday that begins the week. */
function weekOf(local: Temporal.ZonedDateTime): string {
  return local
    .toPlainDate()
    .subtract({ days: local.dayOfWeek - 1 })
    .toString();
}

function monthOf(local: Temporal.ZonedDateTime): string {
  return local.toPlainDate().toPlainYearMonth().toString();
}
