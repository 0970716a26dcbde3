import { realpath, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Report } from '../events.ts';
import { WavspoolError, errnoOf } from '../faults.ts';
import { makeDirectory, sweepTemporaries, temporaryPath, type Clock } from '../runtime/index.ts';
import { checkedCopy } from '../snapshot/index.ts';
import { holdersOf, type Holder } from './holders.ts';
import { checkInPlace, putInPlace } from './put-in-place.ts';

export interface RestoreDeps {
  readonly clock: Clock;
  readonly report: Report;
  readonly timezone: string;
}

/** What a database is to be restored from. */
export interface Source {
  /** In words: a path, a key, a point in time. */
  readonly from: string;
  /** When its content was read, ms since 1970. */
  readonly at?: number;
  /**
   * Writes the checked content, uncompressed, to the new file `target`. Throws SNAPSHOT_BAD, or what keeps it from being
   * read.
   */
  fetch(target: string, signal: AbortSignal): Promise<void>;
}

export interface Restored {
  readonly database: string;
  readonly path: string;
  readonly from: string;
  readonly at?: number;
  /** Where what was there before is kept; absent when there was nothing. */
  readonly saved?: string;
  readonly heldBy: readonly Holder[];
}

/**
 * Restores a database: checks the source by reading it whole, keeps what is there now, puts the source in its place, and
 * checks it again there. `mayDisturb` is asked when other programs have the database open. Throws SNAPSHOT_BAD before anything
 * was touched, DATABASE_IN_USE when they are not to be disturbed, DATABASE_BUSY, DISK_FULL.
 */
export async function restoreDatabase(
  { clock, report, timezone }: RestoreDeps,
  { name: database, path: configured }: { readonly name: string; readonly path: string },
  source: Source,
  mayDisturb: (holders: readonly Holder[]) => Promise<boolean>,
  signal: AbortSignal,
): Promise<Restored> {
  const path = await resolved(configured);
  const directory = dirname(path);
  await makeDirectory(directory);
  await sweepTemporaries(directory, clock.now(), { recursive: false });
  const startedAt = clock.monotonicMs();
  const good = temporaryPath(directory);
  try {
    await source.fetch(good, signal);
    const heldBy = await holdersOf(path);
    if (heldBy.length > 0 && !(await mayDisturb(heldBy))) throw inUse(path, heldBy);
    const saved = await putInPlace(
      { database: path, good, isHeld: heldBy.length > 0, timezone },
      clock.now(),
      signal,
    );
    await checkInPlace(path, signal);
    const { from, at } = source;
    const ms = Math.round(clock.monotonicMs() - startedAt);
    report('database restored', { database, path, from, saved: saved ?? null, ms });
    return {
      database,
      path,
      from,
      heldBy,
      ...(at !== undefined && { at }),
      ...(saved !== undefined && { saved }),
    };
  } finally {
    for (const part of ['', '-wal', '-shm', '-journal']) await rm(good + part, { force: true });
  }
}

/** A file to restore from, with the SHA-256 that it may have, none if none is known. */
export function fileSource(path: string, hashes: readonly string[], at?: number): Source {
  return {
    from: path,
    ...(at !== undefined && { at }),
    fetch: (target, signal) => checkedCopy(path, hashes, target, { keep: true }, signal),
  };
}

function inUse(path: string, holders: readonly Holder[]): WavspoolError {
  const who = holders.map(({ pid, program }) => `${program} (pid ${pid})`).join(', ');
  return new WavspoolError('DATABASE_IN_USE', `${path} is open in ${who}`);
}

/** Through symlinks: what is replaced is the database, not the link to it. */
async function resolved(path: string): Promise<string> {
  try {
    return await realpath(path);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return path;
    throw error;
  }
}
