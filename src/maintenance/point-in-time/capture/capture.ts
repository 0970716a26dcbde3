import { backOffMs } from '../../../domain/back-off.ts';
import type { Report } from '../../../domain/events.ts';
import { faultCode, messageOf } from '../../../domain/faults.ts';
import { systemClock, type Clock } from '../../../platform/runtime/index.ts';
import { archiveOf, type PointInTimeDatabase } from '../archive/archive.ts';
import type { CaptureResult } from './capture-pages.ts';
import { fullBackupRules, type FullBackupRules } from '../archive/chain.ts';
import { runTask, type Work } from './run-task.ts';

export interface CaptureDeps {
  readonly clock: Clock;
  readonly report: Report;
  /** When a full backup is due; by default daily, or when the records behind it outgrew it. */
  readonly rules?: FullBackupRules;
}

const FIRST_RESTART_MS = 1000;
const SLOWEST_RESTART_MS = 60_000;
/** A capture that lived this long had found its way: its next death is a first one again. */
const STABLE_MS = 10_000;

/**
 * One run of `pages` mode: captures the present state of the database if it is another one than the last. Runs in a process
 * of its own. Throws ALREADY_RUNNING when another process captures this database, DATABASE_*, SNAPSHOT_BAD, DISK_FULL,
 * FILE_UNREADABLE, or the abort's reason. A run that fails or is killed leaves the archive as it was.
 */
export async function capture(
  deps: CaptureDeps,
  database: PointInTimeDatabase,
  signal: AbortSignal,
): Promise<CaptureResult> {
  const result = await runTask(deps, work('capture', deps, database), signal);
  if (result.captured) {
    const { pages, pageCount, storedBytes, pinnedMs, ms } = result;
    deps.report('restore point captured', {
      database: database.name,
      pages,
      pageCount,
      storedBytes,
      pinnedMs,
      ms,
    });
  }
  return result;
}

/**
 * `wal` mode: ships every commit of the database until `signal` aborts, from a process of its own that is started again
 * with growing delay whenever it ends. Faults are reported, never thrown, but for SETTINGS_INVALID.
 */
export async function captureWal(
  deps: CaptureDeps,
  database: PointInTimeDatabase,
  signal: AbortSignal,
): Promise<void> {
  const { clock, report } = deps;
  const task = work('ship', deps, database);
  for (let deaths = 0; !signal.aborted;) {
    const startedAt = clock.monotonicMs();
    try {
      await runTask(deps, task, signal);
    } catch (error) {
      if (signal.aborted) return;
      deaths = clock.monotonicMs() - startedAt > STABLE_MS ? 1 : deaths + 1;
      const restartMs = backOffMs(deaths, FIRST_RESTART_MS, SLOWEST_RESTART_MS);
      const [code, reason] = [faultCode(error), messageOf(error)];
      report('wal capture died', { database: database.name, code, reason, restartMs });
      await clock.sleep(restartMs, signal);
    }
  }
}

function work<T extends 'capture' | 'ship'>(
  task: T,
  { clock, rules }: CaptureDeps,
  { name, path, pointInTime }: PointInTimeDatabase,
): Work<T> {
  const settings = archiveOf({ name, path, pointInTime });
  return {
    task,
    database: { name, path, pointInTime },
    rules: rules ?? fullBackupRules(settings),
    aheadMs: Math.round(clock.now() - systemClock.now()),
  };
}
