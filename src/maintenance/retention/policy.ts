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
  /** All that were made within so many ms before the newest. */
  readonly within?: number | undefined;
  /** One of each week, as for `weekly`, of those made within so many ms before the newest. */
  readonly withinWeekly?: number | undefined;
  /** The newest of each month, of those made within so many ms before the newest. */
  readonly withinMonthly?: number | undefined;
  readonly weekday: Weekday;
}

const WEEKDAYS = ['monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday', 'sunday'] as const;
export type Weekday = (typeof WEEKDAYS)[number];

/** Something that lies where a schedule puts what it makes. */
export interface Dated {
  readonly name: string;
  /** When it was made, ms since 1970. */
  readonly at: number;
  /** What never proved to be good takes no good one's place. */
  readonly verified: boolean;
  /** Its place among those of its schedule, by a count that no clock changes; absent where nothing says it. */
  readonly count?: number | undefined;
  /** Why it may not be what it should be, unless an operator has confirmed it: nothing goes on its word. */
  readonly doubt?: string | undefined;
  /** Why it is never removed: no record says that this schedule made it. */
  readonly foreign?: string | undefined;
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

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
/** Two looks at a clock that is being steered may differ by so much. */
const CLOCK_SLACK_MS = 10 * 60_000;

/**
 * What stays and what goes at `now` (ms since 1970), newest first, each with its reasons. The rules count as restic's `forget`
 * does: from the newest verified one, so that a schedule that has stopped loses nothing, over days, weeks and months that have
 * any. Applied twice it changes nothing more. Whatever the rules say,
 *
 * - the newest verified one stays, and what is newer than it; where none is verified, all stay;
 * - one that no record gives to this schedule stays and counts for nothing;
 * - one that is dated in the future stays and counts for nothing: its time is not believed;
 * - while the last one is in doubt, all stay;
 * - what only a step of the clock far beyond the usual ones lets go stays until a second one bears that step out.
 *
 * One that is not verified, or that was in doubt, takes the place of no other and stays only as long as it would if it were good.
 */
export function applyKeep<T extends Dated>(
  all: readonly T[],
  keep: Keep | undefined,
  timezone: string,
  now: number,
): readonly Judged<T>[] {
  const set = new Map<T, string>(); // what the rules do not look at, and why
  for (const item of all) {
    if (item.foreign !== undefined) set.set(item, item.foreign);
    else if (item.at > now + CLOCK_SLACK_MS)
      set.set(item, 'it is dated in the future: nothing counts from it');
  }
  const placed = all
    .filter((item) => !set.has(item))
    .map((item) => ({ item, local: zoned(item.at, timezone) }))
    .toSorted(byNewest);
  const judged = [
    ...judgeOwn(placed, keep),
    ...[...set].map(([item, reason]) => ({ item, keep: true, reasons: [reason] })),
  ];
  return judged.toSorted((a, b) => newestFirst(a.item, b.item));
}

function judgeOwn<T extends Dated>(
  placed: readonly Placed<T>[],
  keep: Keep | undefined,
): readonly Judged<T>[] {
  const good = placed.filter(({ item }) => isGood(item));
  const [newest] = good;
  const last = lastMade(placed);
  const all = (reason: string): readonly Judged<T>[] => placed.map(({ item }) => stay(item, reason));
  if (keep === undefined) return all('no rule removes any');
  if (last?.item.doubt !== undefined)
    return all(`${last.item.name} is in doubt, so none goes: ${last.item.doubt}`);
  if (newest === undefined) return all('none is verified, so none goes');

  const rules = rulesOf(keep, good, newest);
  const [, before] = good;
  const rulesBefore = before !== undefined && isLeap(good) ? rulesOf(keep, good.slice(1), before) : undefined;
  return placed.map((one) => {
    const reasons = [
      ...(one === newest ? ['the newest verified one'] : []),
      ...(one !== newest && isNewer(one.item, newest.item) ? ['newer than the newest verified one'] : []),
      ...rules.filter(({ wants }) => wants(one)).map(({ reason }) => reason),
    ];
    if (reasons.length > 0) return { item: one.item, keep: true, reasons };
    if (rulesBefore?.some(({ wants }) => wants(one)) === true)
      return stay(one.item, `kept until another one bears out the time of ${newest.item.name}`);
    return { item: one.item, keep: false, reasons: ['no rule keeps it'] };
  });
}

function isGood({ verified, doubt }: Dated): boolean {
  return verified && doubt === undefined;
}

/** The one that was made last, by the count where there is one. */
function lastMade<T extends Dated>(placed: readonly Placed<T>[]): Placed<T> | undefined {
  return placed.toSorted((a, b) => (b.item.count ?? -1) - (a.item.count ?? -1) || byNewest(a, b))[0];
}

/** How many of the latest steps from one copy to the next say what is usual. */
const STEPS = 8;

/** The usual time (ms) between those at `times`, newest first: the median of the last steps; undefined for fewer than three. */
export function usualStep(times: readonly number[]): number | undefined {
  const steps = times
    .slice(0, STEPS + 1)
    .map((at, index, all) => (all[index - 1] ?? Number.NaN) - at)
    .slice(1)
    .toSorted((a, b) => a - b);
  return steps.length < 3 ? undefined : steps[Math.floor(steps.length / 2)];
}

/** Whether the newest lies more than twice the usual step behind the one before it. Only where records tell the order. */
function isLeap<T extends Dated>(good: readonly Placed<T>[]): boolean {
  const [newest, before] = good;
  if (newest?.item.count === undefined || before === undefined) return false;
  const usual = usualStep(good.slice(1).map(({ item }) => item.at));
  return usual !== undefined && newest.item.at - before.item.at > 2 * usual;
}

function stay<T>(item: T, reason: string): Judged<T> {
  return { item, keep: true, reasons: [reason] };
}

interface Rule<T> {
  readonly reason: string;
  readonly wants: (one: Placed<T>) => boolean;
}

function rulesOf<T extends Dated>(
  { last, days, daily, weekly, monthly, within, withinWeekly, withinMonthly, weekday }: Keep,
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
  // the newest of all where the wanted weekday is not among them
  const ofWeek = (inside: readonly Placed<T>[]): Placed<T> | undefined => {
    const wanted = WEEKDAYS.indexOf(weekday) + 1;
    return inside.find(({ local }) => local.dayOfWeek === wanted) ?? inside[0];
  };
  const newestOf = ([first]: readonly Placed<T>[]): Placed<T> | undefined => first;
  const chosen = (
    keyOf: (local: Temporal.ZonedDateTime) => string,
    choose: (inside: readonly Placed<T>[]) => Placed<T> | undefined,
  ): ((one: Placed<T>) => boolean) => {
    const byKey = Map.groupBy(verified, ({ local }) => keyOf(local));
    return (one) => {
      const inside = byKey.get(keyOf(one.local)) ?? [];
      return choose(isGood(one.item) ? inside : [one, ...inside].toSorted(byNewest)) === one;
    };
  };
  const buckets = (
    count: number,
    what: string,
    keyOf: (local: Temporal.ZonedDateTime) => string,
    choose: (inside: readonly Placed<T>[]) => Placed<T> | undefined,
  ): Rule<T> => {
    const keys = [...new Set(verified.map(({ local }) => keyOf(local)))];
    // the newest come first, so the last n buckets are the first n
    const oldestKey = keys.at(Math.min(count, keys.length) - 1) ?? '';
    const isChosen = chosen(keyOf, choose);
    return {
      reason: `${what} ${count}`,
      wants: (one) => count > 0 && (keyOf(one.local) >= oldestKey || keys.length < count) && isChosen(one),
    };
  };
  if (daily !== undefined) rules.push(buckets(daily, 'daily', dayOf, newestOf));
  if (weekly !== undefined) rules.push(buckets(weekly, 'weekly', weekOf, ofWeek));
  if (monthly !== undefined) rules.push(buckets(monthly, 'monthly', monthOf, newestOf));
  const since = (durationMs: number, what: string, isWanted: (one: Placed<T>) => boolean): void => {
    const isWithin = withinOf(newest, durationMs);
    rules.push({ reason: `${what} ${inWords(durationMs)}`, wants: (one) => isWithin(one) && isWanted(one) });
  };
  if (within !== undefined) since(within, 'within', () => true);
  if (withinWeekly !== undefined) since(withinWeekly, 'weekly within', chosen(weekOf, ofWeek));
  if (withinMonthly !== undefined) since(withinMonthly, 'monthly within', chosen(monthOf, newestOf));
  return rules;
}

/**
 * Whether one was made within `durationMs` before the newest. Whole days are days of the calendar, both ends by the hour, so that
 * neither summer time nor a run that began some seconds early or late decides.
 */
function withinOf<T extends Dated>(newest: Placed<T>, durationMs: number): (one: Placed<T>) => boolean {
  if (durationMs % DAY_MS !== 0) return ({ item }) => item.at > newest.item.at - durationMs;
  const cutoff = wholeHour(newest.local).subtract({ days: durationMs / DAY_MS });
  return ({ local }) => Temporal.PlainDateTime.compare(wholeHour(local), cutoff) >= 0;
}

function inWords(durationMs: number): string {
  return durationMs % DAY_MS === 0 ? `${durationMs / DAY_MS} days` : `${durationMs / HOUR_MS} hours`;
}

function byNewest<T extends Dated>(a: Placed<T>, b: Placed<T>): number {
  return newestFirst(a.item, b.item);
}

/** Of one time, the later by the count, then by name. */
function newestFirst(a: Dated, b: Dated): number {
  return b.at - a.at || (b.count ?? -1) - (a.count ?? -1) || (a.name < b.name ? 1 : a.name > b.name ? -1 : 0);
}

function isNewer(one: Dated, other: Dated): boolean {
  return newestFirst(one, other) < 0;
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
