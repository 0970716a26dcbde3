import { readWalEnd, type WalEnd, closeDescriptors, openLog } from '../../../platform/sqlite/index.ts';
import type { Housekeeping } from './housekeeping.ts';
import type { FollowDeps, Followed } from './followed.ts';
import { readLog, type LogRead } from './follow-wal.ts';
import { readAhead, takeTogether } from './write-commits.ts';
import { existsSync, statSync, watch, type FSWatcher } from 'node:fs';
import { identityAt, isLockedByOthers, whoHasOpen } from '../../../platform/linux/index.ts';
import type { Clock } from '../../../platform/runtime/index.ts';
import type { LogHold } from './wal-hold.ts';
import { basename, dirname } from 'node:path';

/** How long a file that others change must rest before it is opened: it may be a copy in the making. */
const SETTLE_MS = 1000;
/** Somebody whom nobody can see has the database open: how long until that is looked at again. */
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
  /** To be called at every look while it rests: goes on when somebody is back. False when it cannot: not in WAL mode any more. */
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

export function createIdling(
  {
    name,
    path,
    directory,
    clock,
    report,
    housekeeping,
  }: FollowDeps & { readonly housekeeping: Housekeeping },
  log: Followed,
  renewing: Renewing,
  signal: AbortSignal,
): Idling {
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

  /** Goes on where the log of whoever opened the database begins; with what its pages say, when that is not sure to be all. */
  const comeBack = async (looks: string | undefined): Promise<boolean> => {
    const hold = log.holdAgain();
    away = undefined;
    if (hold.journalMode() !== 'wal') return false;
    const { value, pinned } = hold.pinFullBackup(() => {
      const rest = looks === looksOf(path) ? readAhead(readLog(path, FRESH, true)) : undefined;
      return rest === undefined || rest.kind === 'gap' ? { left: readWalEnd(path) } : { rest };
    });
    const timeline = log.timeline;
    if (value.rest !== undefined || timeline === undefined) {
      pinned.release();
      if (value.rest !== undefined) await log.write(value.rest);
      return true;
    }
    const taken = await takeTogether(
      pinned,
      { timeline, left: value.left, at: clock.now() },
      directory,
      signal,
    );
    log.timeline = taken?.timeline;
    if (taken?.written === undefined) return true;
    housekeeping.wrote(taken.written.segment, taken.written.bytes);
    report('commits captured together', { database: name, pages: taken.written.pages });
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

// When the last program has closed a database, its owner expects what SQLite leaves then: everything in the one file, neither
// `-wal` nor `-shm`. It is what he copies away, and what he copies back. As long as the capture has the database open too, SQLite
// leaves the log. So the capture goes as well, and is the last to close it:
//
// 1. Nobody else has it open: by the kernel's locks at every look, by the open files of all processes before it goes.
// 2. All of the log is shipped and copied into the file, which then rests for a moment: what changes it later shows in its times.
// 3. With the write lock: nothing more was committed, and this is how the file looks.
// 4. All connections are closed, and SQLite removes the log. What was committed between 3 and 4 is read from the removed log.
//
// Who opens the database makes a new log. It holds all that was committed since as long as the file still looks as in 3: nothing
// was copied into it, so no log can have come and gone, or started over. Otherwise the pages say what changed.

/** A file that rests so long has other times when it is changed again: kernels count them in ticks of some ms. */
export const REST_MS = 100;
/** How long after files of other programs were seen open they are looked for again: all of /proc is read for it. */
const SCAN_AGAIN_MS = 1000;
const OF_A_DATABASE = ['', '-wal', '-shm'];

/** What the file of a database looks like, so that any write to it shows; 'none' where there is none. */
export function looksOf(path: string): string {
  const stat = statSync(path, { bigint: true, throwIfNoEntry: false });
  return stat === undefined ? 'none' : `${stat.dev}:${stat.ino}:${stat.size}:${stat.mtimeNs}:${stat.ctimeNs}`;
}

/** Says whether no other process has the database at `path` open, as far as this one may see; it holds it itself. */
export function watchOthers(path: string, clock: Pick<Clock, 'monotonicMs'>): () => Promise<boolean> {
  let scanAt = 0;
  return async () => {
    const stat = statSync(path, { bigint: true, throwIfNoEntry: false });
    if (stat === undefined || isLockedByOthers(stat.ino) === true) return false;
    const now = clock.monotonicMs();
    if (now < scanAt) return false;
    const isAlone = await nobodyHasOpen(path);
    if (!isAlone) scanAt = clock.monotonicMs() + SCAN_AGAIN_MS;
    return isAlone;
  };
}

/** Whether no other process has a file of the database open, for whatever: one that copies it, too. */
export async function nobodyHasOpen(path: string): Promise<boolean> {
  const files = await Promise.all(OF_A_DATABASE.map((part) => identityAt(path + part)));
  const openers = await whoHasOpen(new Set(files.filter((file) => file !== undefined)));
  return openers.every(({ pid }) => pid === process.pid);
}

export type Closed =
  /** The log is gone, and all of it shipped once `rest` is; `looks` is how the file looked when nothing more was committed. */
  | { readonly kind: 'gone'; readonly looks: string; readonly rest: LogRead }
  /** Somebody has the database open whom nobody can see, or just opened it: the log is there, to be held again. */
  | { readonly kind: 'in use' }
  /** Something was committed meanwhile: nothing was closed. */
  | { readonly kind: 'changed'; readonly rest: LogRead };

/** Steps 3 and 4 above: the hold ends, unless something was `changed`. `left` is where the last shipped commit ends. */
export function closeLast(path: string, hold: LogHold, left: WalEnd): Closed {
  const { value } = hold.renew(
    () => ({ rest: readAhead(readLog(path, left, true)), looks: looksOf(path), log: openLog(path) }),
    false,
  );
  const { rest, looks, log } = value;
  if (rest.kind !== 'nothing' || log === undefined) return { kind: 'changed', rest };
  hold.close();
  if (existsSync(`${path}-wal`)) return { kind: 'in use' };
  const last = readAhead(readLog(log, rest.left, false));
  closeDescriptors(path);
  return { kind: 'gone', looks, rest: last };
}

/** What there is of a database that was closed: as it was, a log that a program made, or a file that looks otherwise. */
export function whatIsThere(path: string, looks: string | undefined): 'as it was' | 'a log' | 'another file' {
  // the index too: a log alone is one that somebody is copying there
  if (existsSync(`${path}-wal`) && existsSync(`${path}-shm`)) return 'a log';
  return looksOf(path) === looks ? 'as it was' : 'another file';
}

/** Looks at a directory for the moment in which a database in it is opened again. */
export interface Wake {
  /** Aborts as soon as something of the database appears or goes; a new one afterwards. */
  readonly signal: () => AbortSignal;
  readonly close: () => void;
}

/** Only quicker than looking now and then: where the kernel cannot watch, nothing else changes. */
export function wakeOn(path: string): Wake {
  const name = basename(path);
  let waking = new AbortController();
  let watcher: FSWatcher | undefined;
  try {
    watcher = watch(dirname(path), { persistent: false }, (_event, changed) => {
      if (changed === null || changed.startsWith(name)) waking.abort();
    });
    watcher.on('error', () => watcher?.close()); // no more watches, or the directory is gone: the looks go on
  } catch {
    // none to be had (inotify's limit): the looks go on
  }
  return {
    signal: () => {
      if (waking.signal.aborted) waking = new AbortController();
      return waking.signal;
    },
    close: () => watcher?.close(),
  };
}
