import { existsSync } from 'node:fs';
import { open, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { DatabaseSettings } from '../../platform/config/index.ts';
import type { Report } from '../../domain/events.ts';
import { WavspoolError } from '../../domain/faults.ts';
import { FIRST_DESCRIPTOR, runAs, workerOf, type User } from '../../platform/linux/index.ts';
import { holdOffCapture } from '../point-in-time/index.ts';
import {
  makeDirectory,
  offLoop,
  sweepTemporaries,
  temporaryPath,
  type Clock,
  writeFault,
} from '../../platform/runtime/index.ts';
import { takeExclusiveLock } from '../../platform/sqlite/index.ts';
import { checkedCopy, type NotedFacts } from '../snapshot/index.ts';
import { holderInWords, holdersOf, type Holder } from './holders.ts';
import { pruneKept } from './kept.ts';
import { resolved, type PutInPlace, type Saved, type Swap } from './put-in-place.ts';

export interface RestoreDeps {
  readonly clock: Clock;
  readonly report: Report;
  readonly timezone: string;
  readonly dataDirectory: string;
}

/** The database that is restored, as the settings have it. */
export interface Target extends Pick<DatabaseSettings, 'name' | 'path' | 'asserts' | 'pointInTime'> {
  /** Its owner alone may read it, whatever its directory suggests. */
  readonly isPrivate: boolean;
  /** Of wavspool's own database alone. */
  readonly own?: OwnDatabase;
}

/** What tells who has wavspool's own database open, where `/proc` does not: in other containers, as other users. */
export interface OwnDatabase {
  /** Held by each process that has it open; need not exist. */
  readonly lockFile: string;
  /** The roles that answer, those of other containers too. */
  roles(): Promise<readonly Holder[]>;
}

/** What the bytes of a copy do not tell. */
export interface Fetched {
  /** The journal mode that the database had when it was copied; undefined when it is not known. */
  readonly journalMode?: string | undefined;
}

/** What a database is to be restored from. */
export interface Source {
  /** In words: a path, a key, a restore point. */
  readonly from: string;
  /** When its content was read, ms since 1970. */
  readonly at?: number;
  /**
   * Writes the checked content, uncompressed, to the new file `target`, and says what is known of it. Throws SNAPSHOT_BAD, or
   * what keeps it from being read.
   */
  fetch(target: string, signal: AbortSignal): Promise<Fetched>;
}

export interface Restored {
  readonly database: string;
  readonly path: string;
  readonly from: string;
  readonly at?: number;
  /** Where what was there before is kept; absent when there was nothing. */
  readonly saved?: string;
  /** What earlier restores had kept and is removed now. */
  readonly removed: readonly string[];
  readonly heldBy: readonly Holder[];
}

const THREAD = new URL('put-in-place-thread.ts', import.meta.url);

/**
 * Restores a database: checks the source by reading it whole, keeps what is there now, puts the source in its place, and
 * checks it again there. Nothing of wavspool captures the database meanwhile. `mayDisturb` is asked when other programs have
 * it open. As root, in a directory that others may write, the work is done with the rights of its owner (P13). Throws
 * SNAPSHOT_BAD and SNAPSHOT_OTHER before anything was touched, DATABASE_IN_USE when programs are not to be disturbed,
 * DATABASE_HELD, DATABASE_BUSY, PATH_UNSAFE, FILE_UNREADABLE, DISK_FULL.
 */
export async function restoreDatabase(
  deps: RestoreDeps,
  target: Target,
  source: Source,
  mayDisturb: (holders: readonly Holder[]) => Promise<boolean>,
  signal: AbortSignal,
): Promise<Restored> {
  try {
    return await restoreFrom(deps, target, source, mayDisturb, signal);
  } catch (error) {
    throw writeFault(`${target.path} cannot be restored`, error);
  }
}

async function restoreFrom(
  deps: RestoreDeps,
  target: Target,
  source: Source,
  mayDisturb: (holders: readonly Holder[]) => Promise<boolean>,
  signal: AbortSignal,
): Promise<Restored> {
  const { clock } = deps;
  const startedAt = clock.monotonicMs();
  const worker = await workerOf(target.path);
  const staging =
    worker === undefined ? dirname(await resolved(target.path)) : join(deps.dataDirectory, 'scratch');
  await makeDirectory(staging);
  await sweepTemporaries(staging, clock.now(), { recursive: false });
  const good = temporaryPath(staging);
  try {
    const fetched = await source.fetch(good, signal);
    const captures = await holdOffCapture(deps, target, signal);
    try {
      using held = await takeHold(target);
      const { by: heldBy } = held;
      if (heldBy.length > 0 && !(await mayDisturb(heldBy))) throw inUse(target.path, heldBy);
      const swap = { ...swapOf(deps, target, fetched), path: target.path, isHeld: heldBy.length > 0 };
      const { path, saved } = await put(swap, good, worker, signal);
      const ms = Math.round(clock.monotonicMs() - startedAt);
      return await finished(deps, { database: target.name, path, heldBy, source, ms }, swap.now, saved);
    } finally {
      captures.release();
    }
  } finally {
    for (const part of ['', '-wal', '-shm', '-journal']) await rm(good + part, { force: true });
  }
}

interface Held extends Disposable {
  /** Empty: no process has it open, and none of wavspool opens it until this is released. */
  readonly by: readonly Holder[];
}

/** Finds out who has the database open, and keeps wavspool's own processes from opening theirs where no process has it. */
async function takeHold({ path, own }: Target): Promise<Held> {
  const seen = await holdersOf(await resolved(path));
  if (own === undefined) return { by: seen, [Symbol.dispose]: () => undefined };
  const roles = await own.roles();
  const named = new Set(roles.flatMap(({ pid, host }) => (host === undefined ? (pid ?? []) : [])));
  const by = [...roles, ...seen.filter(({ pid }) => pid === undefined || !named.has(pid))];
  // no process holds one that is not there yet, and made here it could belong to the wrong user
  if (by.length > 0 || !existsSync(own.lockFile)) return { by, [Symbol.dispose]: () => undefined };
  const lock = takeExclusiveLock(own.lockFile);
  const unseen = { program: `a wavspool process that cannot be seen from here (it holds ${own.lockFile})` };
  return { by: lock === undefined ? [unseen] : [], [Symbol.dispose]: () => lock?.release() };
}

interface Done extends Pick<Restored, 'database' | 'path' | 'heldBy'> {
  readonly source: Source;
  readonly ms: number;
}

/** Reports it, notes what was kept, and removes what older restores kept. */
async function finished(
  { report, dataDirectory }: RestoreDeps,
  { database, path, heldBy, source: { from, at }, ms }: Done,
  now: number,
  saved: Saved | undefined,
): Promise<Restored> {
  report('database restored', { database, path, from, saved: saved?.path ?? null, ms });
  const added = saved === undefined ? {} : { added: { ...saved, at: now } };
  const removed = await pruneKept(dataDirectory, database, added);
  return {
    database,
    path,
    from,
    heldBy,
    removed: removed.map((kept) => kept.path),
    ...(at !== undefined && { at }),
    ...(saved !== undefined && { saved: saved.path }),
  };
}

function swapOf(
  { clock, timezone }: RestoreDeps,
  { name, asserts, isPrivate }: Target,
  { journalMode }: Fetched,
): Omit<Swap, 'path' | 'good' | 'isHeld'> {
  const mode = journalMode === undefined ? {} : { journalMode };
  return { database: name, asserts, isPrivate, ...mode, now: clock.now(), timezone };
}

/** In a thread of this process, or in one with the rights of `worker`, which is handed the copy as an open file. */
async function put(
  swap: Omit<Swap, 'good'>,
  good: string,
  worker: User | undefined,
  signal: AbortSignal,
): Promise<PutInPlace> {
  if (worker === undefined) return offLoop<PutInPlace>(THREAD, { ...swap, good }, signal);
  await using file = await open(good, 'r');
  const job = { ...swap, good: { fd: FIRST_DESCRIPTOR } };
  return await runAs<PutInPlace>(THREAD, job, { user: worker, descriptors: [file.fd] }, signal);
}

/** A file to restore from, by what was noted of it. */
export function fileSource(
  path: string,
  { hashes, journalMode }: NotedFacts,
  known: Pick<Source, 'at'> = {},
): Source {
  return {
    from: path,
    ...known,
    fetch: async (target, signal) => {
      await checkedCopy(path, hashes, target, { keep: true }, signal);
      return { journalMode };
    },
  };
}

function inUse(path: string, holders: readonly Holder[]): WavspoolError {
  const who = holders.map(holderInWords).join(', ');
  return new WavspoolError('DATABASE_IN_USE', `${path} is open in ${who}`);
}
