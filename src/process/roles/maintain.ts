import type { HostApp } from '../app.ts';
import { ingestJobs, prepareScratch } from '../../ingest/after-upload/index.ts';
import { keepCheckingState } from '../../operate/health/index.ts';
import { maintenanceJobs, openMaintenance, shipCommits } from '../../maintenance/catalogue/index.ts';
import { isOver, readPauses } from '../../operate/pause/index.ts';
import type { RunningRole } from '../../platform/queue/index.ts';
import type { HostRole } from '../run-roles.ts';
import { scheduledJobs, wakeByQueue, wakeByTimer, type ScheduledJob } from '../../platform/jobs/index.ts';

/** Jobs at once: a mirror that takes hours keeps no snapshot waiting, nor do receipts that wait their turn. */
const CONCURRENCY = 6;

/**
 * Runs the scheduled jobs: those of the site's recordings and those that keep the host, never two runs of one at a time. The journal decides what
 * is due, and each job's lock who runs it; Redis, or where nothing goes through it a timer, only wakes.
 */
export const maintainRole: HostRole = {
  name: 'maintain',
  start: async (app) => {
    await prepareScratch(app);
    const maintenance = await openMaintenance(app);
    const stopped = new AbortController();
    const shipping = shipCommits(maintenance, stopped.signal).catch((err: unknown) =>
      app.report('wal capture ended', { err }),
    );
    const checking = keepCheckingState(app.settings, app, stopped.signal);
    const jobs = [
      ...ingestJobs({ ...app, store: () => maintenance.store() }),
      ...maintenanceJobs(maintenance),
    ];
    const woken = wake(app, scheduledJobs(maintenance, jobs));
    return {
      ...woken,
      stop: async (graceMs) => {
        stopped.abort();
        const released = await woken.stop(graceMs);
        await Promise.all([shipping, checking]);
        maintenance.close();
        return released;
      },
    };
  },
};

function wake(app: HostApp, jobs: readonly ScheduledJob[]): RunningRole {
  const { queues, clock, report, settings } = app;
  if (queues !== undefined) {
    const worker = wakeByQueue({ clock, report, timezone: settings.timezone }, queues, jobs, CONCURRENCY);
    return { work: { queue: 'maintenance', worker, limit: CONCURRENCY }, stop: (ms) => worker.stop(ms) };
  }
  const isPaused = async (): Promise<boolean> => {
    const { maintenance } = await readPauses(settings);
    return maintenance !== undefined && !isOver(maintenance, clock.now());
  };
  const timed = wakeByTimer({ clock, report, isPaused }, jobs, CONCURRENCY);
  return { unqueued: timed, stop: (ms) => timed.stop(ms) };
}
