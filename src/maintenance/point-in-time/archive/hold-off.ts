import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { WavspoolError } from '../../../domain/faults.ts';
import type { Clock } from '../../../platform/runtime/index.ts';
import { takeExclusiveLock, type ExclusiveLock } from '../../../platform/sqlite/index.ts';
import { archiveOf, type PointInTimeDatabase } from './archive.ts';
import { HOLD_OFF_FILE, LOCK_FILE } from './names.ts';

// A restore asks the process that captures the database to close it, and keeps any other from beginning anew until it is done. Both
// are locks of the kernel: they end with the process, however it ends.

const POLL_MS = 50;
/** What captures looks five times a second whether it is asked, and then ships what is left. */
const PATIENCE_MS = 60_000;

/** True while a restore asks for the database whose archive lies in `directory`. */
export function isHeldOff(directory: string): boolean {
  const path = join(directory, HOLD_OFF_FILE);
  if (!existsSync(path)) return false;
  const lock = takeExclusiveLock(path);
  lock?.release();
  return lock === undefined;
}

/**
 * Waits until nothing of wavspool captures the database, and keeps it so until `release`. Throws DATABASE_BUSY when another
 * restore is under way or the capture does not end, or the abort's reason.
 */
export async function holdOffCapture(
  { clock }: { readonly clock: Clock },
  database: PointInTimeDatabase,
  signal: AbortSignal,
): Promise<ExclusiveLock> {
  if (database.pointInTime === undefined) return { release: () => undefined };
  const { directory } = archiveOf(database);
  if (!existsSync(directory)) return { release: () => undefined };
  const deadline = clock.monotonicMs() + PATIENCE_MS;
  const take = async (file: string, who: string): Promise<ExclusiveLock> => {
    for (;;) {
      const lock = takeExclusiveLock(join(directory, file));
      if (lock !== undefined) return lock;
      if (clock.monotonicMs() > deadline)
        throw new WavspoolError('DATABASE_BUSY', `${database.path}: ${who} has not ended for a minute`);
      await clock.sleep(POLL_MS, signal);
      signal.throwIfAborted();
    }
  };
  const asking = await take(HOLD_OFF_FILE, 'another restore');
  try {
    const lock = await take(LOCK_FILE, 'the capture of its restore points');
    return {
      release: () => {
        lock.release();
        asking.release();
      },
    };
  } catch (error) {
    asking.release();
    throw error;
  }
}
