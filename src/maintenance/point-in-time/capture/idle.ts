import { readWalEnd, type WalEnd } from '../../../platform/sqlite/index.ts';
import type { Housekeeping } from './housekeeping.ts';
import type { FollowDeps, Followed } from './followed.ts';
import { readLog, type LogRead } from './follow-wal.ts';
import { closeLast, looksOf, noOtherHasOpen, REST_MS, watchOthers, whatIsThere } from './last-close.ts';
import { wakeOn } from './wake-on.ts';
import { readAhead, takeTogether } from './write-commits.ts';

/** How long a file that others change must rest before it is opened: it may be a copy in the making. */
const SETTLE_MS = 1000;
/** A process that cannot be seen has the database open: how long until that is looked at again. */
const FIRST_UNSEEN_MS = 10_000;
const LONGEST_UNSEEN_MS = 60_000;
/** Where a log begins whose index was made for it. */
const FRESH: WalEnd = { position: undefined, commits: 0 };
const NEVER = new AbortController().signal;

/** How a capture lets the log start over. */
export interface Renewing {
  readonly renew: () => Promise<void>;
  /** Whether all of the log was in the database file when it was last renewed, and nothing came since. */
  readonly isRenewed: () => boolean;
  readonly renewedAt: () => number;
}

/** Lets a capture rest while no program has the database open, without the database open itself. */
export interface Idling {
  readonly isAway: () => boolean;
  /** To be called at every look while it captures: closes the database when no other process has it open. */
  readonly begin: (now: number) => Promise<void>;
  /** To be called at every look while it rests: goes on when a program is back. False when it cannot: not in WAL mode any more. */
  readonly turn: (now: number) => Promise<boolean>;
  /** Aborts as soon as a look while it rests is worth it. */
  readonly wake: () => AbortSignal;
  /** Whether all that was committed is shipped, as far as it rests. */
  readonly isShipped: () => boolean;
  readonly close: () => void;
}

/** What is known of a database that was closed. */
interface Away {
  /** How its file looked when all of it was shipped; undefined when it has been written to since. */
  readonly looks: string | undefined;
  /** How it looked last, and since when. */
  readonly seen: string;
  readonly seenAt: number;
}

type IdleDeps = FollowDeps & { readonly housekeeping: Housekeeping };

export function createIdling(deps: IdleDeps, log: Followed, renewing: Renewing, signal: AbortSignal): Idling {
  const { path, clock, housekeeping } = deps;
  const isAlone = watchOthers(path, clock);
  const wake = wakeOn(path);
  let away: Away | undefined;
  let unseen = { until: 0, ms: FIRST_UNSEEN_MS };

  const begin = async (now: number): Promise<void> => {
    const timeline = log.timeline;
    if (timeline === undefined || now < unseen.until) return;
    if (!(await isAlone())) {
      unseen = { until: 0, ms: FIRST_UNSEEN_MS };
      return;
    }
    if (!renewing.isRenewed()) return renewing.renew();
    if (now - renewing.renewedAt() < REST_MS) return;
    const went = closeLast(path, log.hold, timeline.left);
    if (went.kind === 'changed') return log.write(went.rest);
    if (went.kind === 'in use') {
      unseen = { until: now + unseen.ms, ms: Math.min(LONGEST_UNSEEN_MS, unseen.ms * 2) };
      return log.write(log.holdAgain().renew(() => readAhead(log.look(true)), false).value);
    }
    const { looks, rest } = went;
    away = { looks: rest.kind === 'nothing' ? looks : undefined, seen: looks, seenAt: now };
    await log.write(rest, { mustBeSame: () => undefined }); // it is gone, and was ours until then
  };

  const comeBack = async (looks: string | undefined): Promise<boolean> => {
    const hold = log.holdAgain();
    away = undefined;
    if (hold.journalMode() !== 'wal') return false;
    await goOn(deps, log, looks, signal);
    return true;
  };

  const turn = async (now: number, { looks, seen, seenAt }: Away): Promise<boolean> => {
    const there = whatIsThere(path, looks);
    if (there === 'a log') return comeBack(looks);
    if (there === 'as it was') {
      const timeline = log.timeline;
      if (timeline !== undefined) await housekeeping.run(now, clock.now(), timeline.position);
      return true;
    }
    const seenNow = looksOf(path);
    const rests = seenNow === seen && now - seenAt >= SETTLE_MS;
    if (rests && (await noOtherHasOpen(path))) return comeBack(looks);
    if (seenNow !== seen || rests) away = { looks, seen: seenNow, seenAt: now };
    return true;
  };

  return {
    isAway: () => away !== undefined,
    begin,
    turn: async (now) => (away === undefined ? true : turn(now, away)),
    wake: () => (away === undefined ? NEVER : wake.signal()),
    isShipped: () => away === undefined || whatIsThere(path, away.looks) === 'as it was',
    close: wake.close,
  };
}

/** What the log of a database that was away holds: all that was committed since it looked like `looks`, or only its end counts. */
function whatItHolds(
  path: string,
  looks: string | undefined,
): { readonly kind: 'all'; readonly rest: LogRead } | { readonly kind: 'its end'; readonly left: WalEnd } {
  const rest = looks === looksOf(path) ? readAhead(readLog(path, FRESH, true)) : undefined;
  return rest === undefined || rest.kind === 'gap'
    ? { kind: 'its end', left: readWalEnd(path) }
    : { kind: 'all', rest };
}

/** Goes on where the log begins that a program has made; with what the pages say, when that log is not sure to hold all. */
async function goOn(
  { name, path, directory, clock, report, housekeeping }: IdleDeps,
  log: Followed,
  looks: string | undefined,
  signal: AbortSignal,
): Promise<void> {
  const { value, pinned } = log.hold.pinFullBackup(() => whatItHolds(path, looks));
  const { timeline } = log;
  if (value.kind === 'all' || timeline === undefined) {
    pinned.release();
    if (value.kind === 'all') await log.write(value.rest);
    return;
  }
  const before = { timeline, left: value.left, at: clock.now() };
  const taken = await takeTogether(pinned, before, directory, signal);
  log.timeline = taken?.timeline;
  if (taken?.written === undefined) return;
  const { segment, bytes, pages } = taken.written;
  housekeeping.wrote(segment, bytes);
  report('commits captured together', { database: name, pages });
}
