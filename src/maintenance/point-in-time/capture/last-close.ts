import { existsSync, statSync } from 'node:fs';
import { identityAt, isLockedByOthers, whoHasOpen } from '../../../platform/linux/index.ts';
import type { Clock } from '../../../platform/runtime/index.ts';
import { closeDescriptors, openLog, type WalEnd } from '../../../platform/sqlite/index.ts';
import { readLog, type LogRead } from './follow-wal.ts';
import type { LogHold } from './wal-hold.ts';
import { readAhead } from './write-commits.ts';

// When the last program has closed a database, its owner expects what SQLite leaves then: everything in the one file, neither
// `-wal` nor `-shm`. That file is what is copied away, and what is copied back. As long as the capture has the database open too, SQLite
// leaves the log. So the capture goes as well, and is the last to close it:
//
// 1. No other process has it open: by the kernel's locks at every look, by the open files of all processes before it goes.
// 2. All of the log is shipped and copied into the file, which then rests for a moment: what changes it later shows in its times.
// 3. With the write lock: nothing more was committed, and this is how the file looks.
// 4. All connections are closed, and SQLite removes the log. What was committed between 3 and 4 is read from the removed log.
//
// A program that opens the database makes a new log. It holds all that was committed since as long as the file still looks as in 3: nothing
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
    const isAlone = await noOtherHasOpen(path);
    if (!isAlone) scanAt = clock.monotonicMs() + SCAN_AGAIN_MS;
    return isAlone;
  };
}

/** Whether no other process has a file of the database open, for whatever: one that copies it, too. */
export async function noOtherHasOpen(path: string): Promise<boolean> {
  const files = await Promise.all(OF_A_DATABASE.map((part) => identityAt(path + part)));
  const openers = await whoHasOpen(new Set(files.filter((file) => file !== undefined)));
  return openers.every(({ pid }) => pid === process.pid);
}

export type Closed =
  /** The log is gone, and all of it shipped once `rest` is; `looks` is how the file looked when nothing more was committed. */
  | { readonly kind: 'gone'; readonly looks: string; readonly rest: LogRead }
  /** A process that cannot be seen has the database open, or has just opened it: the log is there, to be held again. */
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
  // the index too: a log alone is one that is being copied there
  if (existsSync(`${path}-wal`) && existsSync(`${path}-shm`)) return 'a log';
  return looksOf(path) === looks ? 'as it was' : 'another file';
}
