import type { HostApp } from '../app.ts';
import { ingestJobs, prepareScratch } from '../../ingest/after-upload/index.ts';
import { keepCheckingState } from '../../operate/health/index.ts';
import { maintenanceJobs, openMaintenance, shipCommits } from '../../maintenance/catalogue/index.ts';
import { isPaused } from '../../operate/pause/index.ts';
import type { RunningRole } from '../../platform/queue/index.ts';
import type { HostRole } from '../run-roles.ts';
import {
  TERM_MS,
  scheduledJobs,
  wakeByQueue,
  wakeByTimer,
  type ScheduledJob,
} from '../../platform/jobs/index.ts';
import { joinKeepers } from './keepers.ts';
import { sweepNotes } from './sweep-notes.ts';

/** Jobs at once: a mirror that takes hours keeps no snapshot waiting, nor do receipts that wait their turn. */
const CONCURRENCY = 6;
/** So long Redis is waited for. */
const REDIS_MS = 1000;

/** As the role `maintain` runs. */
export const maintainRole = maintainWith({ termMs: TERM_MS });

/**
 * Runs the scheduled jobs: those of the site's recordings and those that keep the host, never two runs of one at a time. The journal decides what
 * is due, and each job's lock who runs it, over hosts a lease of `termMs`; Redis or a timer only wakes.
 */
export function maintainWith({ termMs }: { readonly termMs: number }): HostRole {
  return { name: 'maintain', start: (app) => start(app, termMs) };
}

async function start(app: HostApp, termMs: number): Promise<RunningRole> {
  await sweepNotes(app.settings.paths.data, app);
  await prepareScratch(app);
  const maintenance = await openMaintenance(app);
  const stopped = new AbortController();
  const shipping = shipCommits(maintenance, stopped.signal).catch((err: unknown) =>
    app.report('wal capture ended', { err }),
  );
  const checking = keepCheckingState(app.settings, app, stopped.signal);
  const joined = joinKeepers(app, maintenance, termMs);
  const jobs = [...ingestJobs({ ...app, store: () => maintenance.store() }), ...maintenanceJobs(maintenance)];
  const woken = wake(app, scheduledJobs({ ...maintenance, ...joined }, jobs));
  return {
    ...woken,
    stop: async (graceMs) => {
      stopped.abort();
      const released = await woken.stop(graceMs);
      await Promise.all([shipping, checking, joined?.stop()]);
      maintenance.close();
      return released;
    },
  };
}

function wake(app: HostApp, jobs: readonly ScheduledJob[]): RunningRole {
  const { queues, ledger, clock, report, settings } = app;
  if (queues === undefined) {
    const timed = startTimer(app, jobs);
    return { unqueued: timed, stop: (ms) => timed.stop(ms) };
  }
  const worker = wakeByQueue({ clock, report, timezone: settings.timezone }, queues, jobs, CONCURRENCY);
  const work = { queue: 'maintenance', worker, limit: CONCURRENCY } as const;
  if (ledger.shared === undefined) return { work, stop: (ms) => worker.stop(ms) };
  // what the queue brings may come to a host whose turn it is not: each looks for itself as well
  const timed = startTimer(app, jobs);
  return {
    work,
    stop: async (ms) => {
      const released = await Promise.all([worker.stop(ms), timed.stop(ms)]);
      return released[0] + released[1];
    },
  };
}

function startTimer(app: HostApp, jobs: readonly ScheduledJob[]): ReturnType<typeof wakeByTimer> {
  const { clock, report } = app;
  const isPausedInQueue = askQueue(app);
  const isHeld = async (): Promise<boolean> => (await isPaused(app, 'maintenance')) || isPausedInQueue();
  return wakeByTimer({ clock, report, isPaused: isHeld }, jobs, CONCURRENCY);
}

/** Whether the queue is paused, as Bull Board does it. A Redis that is away holds up no job that needs none. */
function askQueue({ queues, clock }: HostApp): () => Promise<boolean> {
  let asked: Promise<boolean> | undefined;
  return async () => {
    asked ??= queues?.maintenance
      .isPaused()
      .catch(() => false) // the heartbeat tells of a Redis that refuses
      .finally(() => (asked = undefined));
    return (await Promise.race([asked, clock.sleep(REDIS_MS)])) ?? false;
  };
}
