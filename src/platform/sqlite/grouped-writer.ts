import { WavspoolError } from '../../domain/faults.ts';
import type { Moved } from '../../domain/ledger.ts';
import type { Clock, Random } from '../runtime/index.ts';
import { isBusy } from './busy.ts';
import { isSqliteError, sqliteFault, type Sqlite } from './open.ts';

/** Runs `change` inside the next commit; resolves after that commit is on disk. */
export type Write = <T>(change: () => T) => Promise<T>;

interface Waiting {
  readonly change: () => unknown;
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: unknown) => void;
}

/** A commit is closed after this long, so that a burst never blocks the event loop or another process for long. */
const COMMIT_BUDGET_MS = 40;
const BUSY_DEADLINE_MS = 30_000;
/** What comes so soon after a commit goes with the next: each is a sync of the log, for which the event loop stands still. */
const GATHER_MS = 10;

/**
 * Groups the changes that arrive while a commit is under way into the next one: under load an fsync serves hundreds of
 * them (6,300 single commits a second became 168,000 rows), idle they wait for nothing, soon after another for 10 ms. Another process's lock is
 * waited for without blocking the event loop; after 30 s the changes fail with STATE_BUSY.
 * A change that throws fails alone: it runs in its own savepoint, or is the only one of its commit. A savepoint costs a large change,
 * such as a whole tar, a file with every page as it was. `moved` is asked before each commit: nothing is written into
 * a file whose name has gone to another, for that would be lost with its last process; the changes fail with STATE_UNUSABLE.
 */
export function groupedWriter(
  db: Sqlite,
  path: string,
  clock: Clock,
  random: Random,
  moved: () => Moved | undefined,
): Write {
  const { lock, undo } = writeLock(db, path, clock, random, moved);
  const commit = db.prepare('COMMIT');
  const inSavepoint = db.transaction((change: () => unknown) => change());
  let waiting: Waiting[] = [];
  let running = false;

  async function commitGroup(): Promise<void> {
    const answers: (() => void)[] = [];
    const group = waiting;
    const isAlone = group.length === 1;
    let done = 0;
    let hasChanged = false;
    try {
      await lock();
      const until = clock.monotonicMs() + COMMIT_BUDGET_MS;
      while (done < group.length && (done === 0 || clock.monotonicMs() < until)) {
        const { change, resolve, reject } = group[done++] as Waiting;
        try {
          const value = isAlone ? change() : inSavepoint(change);
          answers.push(() => resolve(value));
          hasChanged = true;
        } catch (error) {
          answers.push(() => reject(error));
          if (!db.inTransaction) throw error; // SQLite has rolled everything back: disk full, I/O error
        }
      }
      if (hasChanged) commit.run();
      else undo();
    } catch (error) {
      undo();
      waiting = waiting.slice(group.length);
      const fault = error instanceof WavspoolError ? error : sqliteFault(path, error);
      for (const { reject } of group) reject(fault);
      return;
    }
    waiting = waiting.slice(done);
    for (const answer of answers) answer();
  }

  async function run(): Promise<void> {
    running = true;
    await new Promise((resolve) => setImmediate(resolve)); // let what completes in this turn join the group
    while (waiting.length > 0) {
      await commitGroup();
      await clock.sleep(GATHER_MS);
    }
    running = false;
  }

  return <T>(change: () => T) =>
    new Promise<T>((resolve, reject) => {
      waiting.push({ change, resolve: resolve as (value: unknown) => void, reject });
      if (!running) void run();
    });
}

/** Takes the lock of a file for one transaction, beside other processes that write into it. */
function writeLock(
  db: Sqlite,
  path: string,
  clock: Clock,
  random: Random,
  moved: () => Moved | undefined,
): { readonly lock: () => Promise<void>; readonly undo: () => void } {
  const begin = db.prepare('BEGIN IMMEDIATE');
  const rollback = db.prepare('ROLLBACK');

  /** What keeps SQLite from writing may keep it from rolling back too; then the next group tries it again. */
  function undo(): void {
    if (!db.inTransaction) return;
    try {
      rollback.run();
    } catch (error) {
      if (!isSqliteError(error)) throw error;
    }
  }

  async function lock(): Promise<void> {
    const deadline = clock.monotonicMs() + BUSY_DEADLINE_MS;
    undo(); // what could not be rolled back when it failed
    const gone = moved();
    if (gone !== undefined) throw movedFault(path, gone);
    for (;;) {
      try {
        begin.run();
        return;
      } catch (error) {
        if (!isBusy(error)) throw sqliteFault(path, error);
        if (clock.monotonicMs() > deadline) {
          throw new WavspoolError('STATE_BUSY', `${path} has been locked for ${BUSY_DEADLINE_MS / 1000} s`, {
            cause: error,
          });
        }
        await clock.sleep(2 + random() * 20);
      }
    }
  }

  return { lock, undo };
}

/** What cannot be written, because the file that is open no longer has its name. */
export function movedFault(path: string, moved: Moved): WavspoolError {
  const where = moved === 'removed' ? 'was removed' : 'was replaced by another file';
  const message = `${path} ${where} while this process had it open, so nothing is written into it any more`;
  return new WavspoolError('STATE_UNUSABLE', message);
}
