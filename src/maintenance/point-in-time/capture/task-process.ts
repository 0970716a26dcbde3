import { join } from 'node:path';
import type { Report } from '../../../domain/events.ts';
import { messageOf, WavspoolError } from '../../../domain/faults.ts';
import { serveTask, sweepTemporaries, systemClock, type Clock } from '../../../platform/runtime/index.ts';
import { finishCopy, journalModeOf, takeExclusiveLock } from '../../../platform/sqlite/index.ts';
import { archiveFault, archiveOf, makeArchive } from '../archive/archive.ts';
import { capturePages, verifyEnded } from './capture-pages.ts';
import { isHeldOff } from '../archive/hold-off.ts';
import { LOCK_FILE } from '../archive/names.ts';
import { runTask, type Reported, type Task, type Work } from './run-task.ts';
import { runWalCapture } from './capture-wal.ts';

// The other end of run-task.ts.

const HELD_OFF_LOOK_MS = 200;

const { signal: stopping, tell } = serveTask<Reported>(perform);
const report: Report = (event, fields) => tell({ event, fields });

async function perform(task: Task): Promise<unknown> {
  if (task.task === 'finish') return finishCopy(task.path);
  const { directory, every } = archiveOf(task.database);
  const clock = aheadBy(task.aheadMs);
  try {
    if (task.task === 'verify ended') {
      await verifyEnded({ clock, report }, task.database, directory, stopping);
      return null;
    }
    await makeArchive(directory);
    while (isHeldOff(directory)) await clock.sleep(HELD_OFF_LOOK_MS, stopping); // a restore has it
    if (stopping.aborted) return null;
    const lock = takeExclusiveLock(join(directory, LOCK_FILE));
    if (lock === undefined) {
      const message = `${directory}: another process is capturing ${task.database.name}`;
      throw new WavspoolError('ALREADY_RUNNING', message);
    }
    await sweepTemporaries(directory, systemClock.now());
    if (task.task === 'capture') return await capture(task, directory, clock);
    await ship(task, directory, clock, every);
    return null;
  } catch (error) {
    throw archiveFault(directory, error);
  }
}

const capture = ({ database, rules }: Work<'capture' | 'ship'>, directory: string, clock: Clock) =>
  capturePages({ clock, report, rules }, database, directory, stopping);

/** Commits as long as the database is in WAL mode; pages, as often as the settings say, while it is not. */
async function ship(task: Work<'ship'>, directory: string, clock: Clock, everyMs: number): Promise<void> {
  const { database, rules, aheadMs } = task;
  const signal = stopping;
  let alarmed = false;
  const verify = (): void => {
    runTask({ clock, report }, { task: 'verify ended', database, aheadMs }, signal).catch(
      (error: unknown) => {
        if (!signal.aborted)
          report('restore points damaged', { database: database.name, faults: [messageOf(error)] });
      },
    );
  };
  while (!signal.aborted && !isHeldOff(directory)) {
    const journalMode = journalModeOf(database.path);
    if (journalMode === 'wal')
      return runWalCapture({ clock, report, rules, verifyEnded: verify }, database, directory, signal);
    if (!alarmed) {
      const reason = `${database.path} is in journal mode ${journalMode}, not WAL: its pages are captured instead`;
      report('timeline interrupted', { database: database.name, reason });
      alarmed = true;
    }
    await capture(task, directory, clock);
    await clock.sleep(everyMs, signal);
  }
}

function aheadBy(ms: number): Clock {
  return { ...systemClock, now: () => systemClock.now() + ms };
}
