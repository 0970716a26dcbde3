import { readWalEnd, type WalEnd } from '../../platform/sqlite/index.ts';
import type { Chores } from './chores.ts';
import { letGo, looksOf, nobodyHasOpen, REST_MS, watchOthers, whatIsThere } from './let-go.ts';
import type { FollowDeps, Followed } from './followed.ts';
import { readLog } from './read-log.ts';
import { readAhead } from './ship-commits.ts';
import { takeTogether } from './ship-together.ts';
import { wakeOn } from './wake.ts';

/** How long a file that others change must rest before it is opened: it may be a copy in the making. */
const SETTLE_MS = 1000;
/** Somebody whom nobody can see has the database open: how long until that is looked at again. */
const FIRST_UNSEEN_MS = 10_000;
const LONGEST_UNSEEN_MS = 60_000;
/** Where a log begins whose index was made for it. */
const FRESH: WalEnd = { position: undefined, commits: 0 };
const NEVER = new AbortController().signal;

/** How a shipper lets the log start over. */
export interface Renewing {
  readonly renew: () => Promise<void>;
  /** Whether all of the log was in the database file when it was last renewed, and nothing came since. */
  readonly isRenewed: () => boolean;
  readonly renewedAt: () => number;
}

/** Lets a shipper rest while no program has the database open, without the database open itself. */
export interface Rest {
  readonly isAway: () => boolean;
  /** To be called at every look while it ships: lets go when nobody else has the database open. */
  readonly begin: (now: number) => Promise<void>;
  /** To be called at every look while it rests: goes on when somebody is back. False when it cannot: not in WAL mode any more. */
  readonly turn: (now: number) => Promise<boolean>;
  /** Aborts as soon as a look while it rests is worth it. */
  readonly wake: () => AbortSignal;
  /** Whether all that was committed is shipped, as far as it rests. */
  readonly isShipped: () => boolean;
  readonly close: () => void;
}

/** What is known of a database that was let go of. */
interface Away {
  /** How its file looked when all of it was shipped; undefined when it has been written to since. */
  readonly looks: string | undefined;
  /** How it looked last, and since when. */
  readonly seen: string;
  readonly seenAt: number;
}

export function createRest(
  { name, path, directory, clock, report, chores }: FollowDeps & { readonly chores: Chores },
  log: Followed,
  renewing: Renewing,
  signal: AbortSignal,
): Rest {
  const isAlone = watchOthers(path, clock);
  const wake = wakeOn(path);
  let away: Away | undefined;
  let unseen = { until: 0, ms: FIRST_UNSEEN_MS };

  const begin = async (now: number): Promise<void> => {
    const line = log.line;
    if (line === undefined || now < unseen.until) return;
    if (!(await isAlone())) {
      unseen = { until: 0, ms: FIRST_UNSEEN_MS };
      return;
    }
    if (!renewing.isRenewed()) return renewing.renew();
    if (now - renewing.renewedAt() < REST_MS) return;
    const went = letGo(path, log.hold, line.left);
    if (went.kind === 'changed') return log.write(went.rest);
    if (went.kind === 'in use') {
      unseen = { until: now + unseen.ms, ms: Math.min(LONGEST_UNSEEN_MS, unseen.ms * 2) };
      return log.write(log.holdAgain().renew(() => readAhead(log.look(true)), false).value);
    }
    const { looks, rest } = went;
    away = { looks: rest.kind === 'nothing' ? looks : undefined, seen: looks, seenAt: now };
    await log.write(rest, { mustBeSame: () => undefined }); // it is gone, and was ours until then
  };

  /** Goes on where the log of whoever opened the database begins; with what its pages say, when that is not sure to be all. */
  const comeBack = async (looks: string | undefined): Promise<boolean> => {
    const hold = log.holdAgain();
    away = undefined;
    if (hold.journalMode() !== 'wal') return false;
    const { value, pinned } = hold.pinBase(() => {
      const rest = looks === looksOf(path) ? readAhead(readLog(path, FRESH, true)) : undefined;
      return rest === undefined || rest.kind === 'gap' ? { left: readWalEnd(path) } : { rest };
    });
    const line = log.line;
    if (value.rest !== undefined || line === undefined) {
      pinned.release();
      if (value.rest !== undefined) await log.write(value.rest);
      return true;
    }
    const taken = await takeTogether(pinned, { line, left: value.left, at: clock.now() }, directory, signal);
    log.line = taken?.line;
    if (taken?.written === undefined) return true;
    chores.wrote(taken.written.segment, taken.written.bytes);
    report('commits captured together', { database: name, pages: taken.written.pages });
    return true;
  };

  const turn = async (now: number, { looks, seen, seenAt }: Away): Promise<boolean> => {
    const there = whatIsThere(path, looks);
    if (there === 'a log') return comeBack(looks);
    if (there === 'as it was') {
      const line = log.line;
      if (line !== undefined) await chores.run(now, clock.now(), line.position);
      return true;
    }
    const seenNow = looksOf(path);
    const rests = seenNow === seen && now - seenAt >= SETTLE_MS;
    if (rests && (await nobodyHasOpen(path))) return comeBack(looks);
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
