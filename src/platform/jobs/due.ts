import { CronExpressionParser, type CronDate } from 'cron-parser';
import type { DueRun } from '../../domain/run-log.ts';

// A schedule is a question to the clock on the wall: the hour that is skipped in spring has passed when the clock shows a
// later one, and the one that is repeated in autumn does not come again. So cron patterns are read in wall clock time, and a
// run is known by the wall clock time it was due at, `YYYY-MM-DDTHH:mm`, which compares as text.
//
// A clock may jump. What lies in the future was noted while the clock was ahead, and proves nothing: one run too many costs a
// second copy, one too few costs the only one.

/** When a job is to run: at the moments of a cron pattern, or so long after its last beginning. */
export type When = { readonly cron: string } | { readonly everyMs: number };

/** What is known of a job's runs. */
export interface Past {
  /** Wall clock time since when the schedule is known: what was due earlier is not made up for. */
  readonly since: string;
  /** `running` also of one whose process has died. */
  readonly last?: DueRun;
}

/** A clock that is set back by less than this is being kept right. */
export const CLOCK_SLACK_MS = 60_000;
/** A failed run is tried again, so often in all and with such pauses. */
const ATTEMPTS = 4;
const RETRY_MS = 5 * 60_000;
/** So much sooner than its interval, and at most a tenth of it, a job may begin. */
const SLACK_MS = 1000;

/** The wall clock of `timezone` (IANA) at `at` (ms since 1970), `YYYY-MM-DDTHH:mm`. */
export function wallClock(at: number, timezone: string): string {
  return Temporal.Instant.fromEpochMilliseconds(Math.floor(at))
    .toZonedDateTimeISO(timezone)
    .toPlainDateTime()
    .toString({ smallestUnit: 'minute' });
}

/**
 * The run that is due at `now` (ms since 1970) and has not run yet, by the wall clock time it was due at. However many were
 * missed, one run makes up for all of them; one that failed is tried again, one whose process died at once. A last run that
 * began in the future counts for nothing.
 */
export function dueRun(when: When, timezone: string, now: number, past: Past): string | undefined {
  const wall = wallClock(now, timezone);
  const last = believed(past.last, now);
  if ('everyMs' in when)
    return last !== undefined && isEarly(when.everyMs, now - last.startedAt) ? undefined : wall;
  const due = around(when.cron, wall).last;
  if (due <= past.since) return undefined;
  if (last === undefined || due > last.due) return due;
  if (due < last.due || last.outcome === 'done' || last.attempts >= ATTEMPTS) return undefined;
  return last.outcome === 'running' || now - last.startedAt >= RETRY_MS ? due : undefined;
}

/** A last run, unless it began in the future. */
function believed(last: Past['last'], now: number): Past['last'] {
  return last !== undefined && last.startedAt <= now + CLOCK_SLACK_MS ? last : undefined;
}

/** Whether an interval has not passed yet. What wakes a job does so as often, and not to the millisecond. */
function isEarly(everyMs: number, passedMs: number): boolean {
  return passedMs < everyMs - Math.min(SLACK_MS, everyMs / 10);
}

/**
 * When the first run was due that was not done, ms since 1970; undefined when none is due. It stays where it is while
 * nothing runs. `goodAt`: when the last good run began, on its schedule or on request.
 */
export function missedSince(
  when: When,
  timezone: string,
  now: number,
  { since, goodAt }: { readonly since: string; readonly goodAt: number | undefined },
): number | undefined {
  const good = goodAt !== undefined && goodAt <= now + CLOCK_SLACK_MS ? goodAt : undefined;
  if ('everyMs' in when) {
    const due = (good ?? instantOf(since, timezone)) + when.everyMs;
    return due <= now ? due : undefined;
  }
  const from = good === undefined ? since : wallClock(good, timezone);
  const due = around(when.cron, from > since ? from : since).next;
  return due <= wallClock(now, timezone) ? instantOf(due, timezone) : undefined;
}

/** When a job comes next, ms since 1970; where the clock skips that moment, when it has done so. */
export function nextRun(when: When, timezone: string, now: number, { last }: Past): number {
  if ('everyMs' in when) return Math.max(now, (last?.startedAt ?? now) + when.everyMs);
  return instantOf(around(when.cron, wallClock(now, timezone)).next, timezone);
}

/** The first moment at which the wall clock shows that time; where it skips it, when it has done so. */
function instantOf(wall: string, timezone: string): number {
  return Temporal.PlainDateTime.from(wall).toZonedDateTime(timezone).epochMilliseconds;
}

/** The moments that a cron pattern names around a time: the last not after it, and the first after it. */
interface Around {
  readonly last: string;
  readonly next: string;
}

/** By pattern, of which the settings hold a few: each look asks again and again between the same two moments. */
const found = new Map<string, Around>();

function around(cron: string, wall: string): Around {
  const known = found.get(cron);
  if (known !== undefined && known.last <= wall && wall < known.next) return known;
  const asked = { last: lastDue(cron, wall), next: firstDue(cron, wall) };
  found.set(cron, asked);
  return asked;
}

/** The last moment not after `wall` that a cron pattern names. Read as UTC, which skips and repeats nothing. */
function lastDue(cron: string, wall: string): string {
  const currentDate = `${wall}:00.001Z`; // `prev` gives what lies before its moment, not at it
  return asWall(CronExpressionParser.parse(cron, { currentDate, tz: 'UTC' }).prev());
}

/** The first moment after `wall` that a cron pattern names. */
function firstDue(cron: string, wall: string): string {
  const currentDate = `${wall}:00Z`;
  return asWall(CronExpressionParser.parse(cron, { currentDate, tz: 'UTC' }).next());
}

function asWall(date: CronDate): string {
  return (date.toISOString() ?? '').slice(0, 'YYYY-MM-DDTHH:mm'.length);
}
