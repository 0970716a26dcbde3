import { statSync } from 'node:fs';
import { WavspoolError } from '../../../domain/faults.ts';
import type { Clock } from '../../../platform/runtime/index.ts';
import {
  asDatabaseFault,
  journalModeIn,
  openForeign,
  pin,
  pinPages,
  type PinnedPages,
} from '../../../platform/sqlite/index.ts';

/**
 * Keeps a live database's log from losing a commit that was not shipped, without writing into the database: a read
 * transaction that was begun while we held the write lock, and everything before it was shipped. SQLite then either keeps
 * the log from starting over (our read mark is in it), or lets it start over once and keeps the next one from being
 * checkpointed (our mark is 0, for all of the log was in the database file).
 */
export interface LogHold {
  /**
   * With the write lock: runs `ship`, which reads what is left of the log, then releases it, checkpoints if wanted
   * (PASSIVE: it does not wait), and takes hold again. Nothing can be committed meanwhile.
   */
  readonly renew: <T>(
    ship: () => T,
    checkpoint: boolean,
  ) => { readonly value: T; readonly uncheckpointed: number };
  /** As renew, and pins the pages of that state for a full backup. */
  readonly pinFullBackup: <T>(ship: () => T) => { readonly value: T; readonly pinned: PinnedPages };
  /** Copies what the hold allows into the database file, while others write. */
  readonly checkpointBeside: () => void;
  /** The longest time that the write lock was held since the last call. */
  readonly longestLockMs: () => number;
  /** Throws DATABASE_UNUSABLE when the database or its index was replaced: then what its path names is not what is held. */
  readonly mustBeSame: () => void;
  /** What it must be in to be followed is `wal`. */
  readonly journalMode: () => string;
  /** Closes the database; safe to repeat. */
  readonly close: () => void;
}

/** Throws DATABASE_MISSING, DATABASE_BUSY, DATABASE_DAMAGED or DATABASE_UNUSABLE, as its methods do. */
export function holdLog(path: string, clock: Pick<Clock, 'monotonicMs'>): LogHold {
  const gate = openForeign(path);
  const reader = openForeign(path);
  const checkpointer = openForeign(path);
  const held = identityOf(path);
  let longest = 0;
  const mustBeSame = (): void => mustBe(path, held);

  const locked = <T>(use: () => T): T =>
    asDatabaseFault(path, () => {
      mustBeSame();
      gate.exec('BEGIN IMMEDIATE');
      const lockedAt = clock.monotonicMs();
      try {
        return use();
      } finally {
        gate.exec('ROLLBACK');
        longest = Math.max(longest, clock.monotonicMs() - lockedAt);
      }
    });
  const release = (): void => {
    if (reader.inTransaction) reader.exec('ROLLBACK');
  };
  const checkpoint = (): number => {
    const [row] = checkpointer.pragma('wal_checkpoint(PASSIVE)') as { log: number; checkpointed: number }[];
    return row === undefined ? 0 : Math.max(0, row.log - row.checkpointed);
  };

  return {
    renew: (ship, wanted) =>
      locked(() => {
        const value = ship();
        release();
        const uncheckpointed = wanted ? checkpoint() : 0;
        pin(reader);
        return { value, uncheckpointed };
      }),
    pinFullBackup: (ship) =>
      locked(() => {
        const value = ship();
        const pinned = pinPages(path);
        release();
        pin(reader);
        return { value, pinned };
      }),
    checkpointBeside: () => asDatabaseFault(path, () => void checkpoint()),
    mustBeSame,
    journalMode: () => journalModeIn(gate),
    longestLockMs: () => {
      const value = longest;
      longest = 0;
      return value;
    },
    close: () => {
      if (!gate.open) return;
      release();
      for (const db of [reader, checkpointer, gate]) db.close();
    },
  };
}

function mustBe(path: string, held: string): void {
  if (identityOf(path) === held) return;
  throw new WavspoolError('DATABASE_UNUSABLE', `${path} was replaced by another file`);
}

/** Which files the database and its index are, whatever they are called. */
function identityOf(path: string): string {
  return [path, `${path}-shm`]
    .map((file) => statSync(file, { bigint: true, throwIfNoEntry: false }))
    .map((stat) => `${stat?.dev}:${stat?.ino}`)
    .join(' ');
}
