import type { HostApp } from '../app.ts';
import { putBackInterrupted } from '../../ingest/cleanup/index.ts';
import { keepCheckingState } from '../../operate/health/index.ts';
import { openHost, shipCommits } from '../../maintenance/catalogue/index.ts';
import { isOver, readPauses } from '../../operate/pause/index.ts';
import type { RunningRole } from '../../platform/queue/index.ts';
import type { HostRole } from '../run-roles.ts';
import { makeDirectory, sweepTemporaries } from '../../platform/runtime/index.ts';
import { scratchOf, tasksOf, wakeByQueue, wakeByTimer, type Task } from '../maintain/index.ts';

/** Jobs at once: a mirror that takes hours keeps no snapshot waiting, nor does upkeep that waits its turn. */
const CONCURRENCY = 6;

/**
 * Runs the scheduled jobs: the site's upkeep and those that keep the host, never two runs of one at a time. The journal decides what
 * is due, and each job's lock who runs it; Redis, or where nothing goes through it a timer, only wakes.
 */
export const maintainRole: HostRole = {
  name: 'maintain',
  start: async (app) => {
    await sweep(app);
    const host = await openHost(app);
    const stopped = new AbortController();
    const shipping = shipCommits(host, stopped.signal).catch((err: unknown) =>
      app.report('shipping ended', { err }),
    );
    const checking = keepCheckingState(app.settings.paths, app, stopped.signal);
    const woken = wake(app, tasksOf(app, host));
    return {
      ...woken,
      stop: async (graceMs) => {
        stopped.abort();
        const handedBack = await woken.stop(graceMs);
        await Promise.all([shipping, checking]);
        host.close();
        return handedBack;
      },
    };
  },
};

function wake(app: HostApp, tasks: readonly Task[]): RunningRole {
  const { queues, clock, report, settings } = app;
  if (queues !== undefined) {
    const worker = wakeByQueue({ clock, report, timezone: settings.timezone }, queues, tasks, CONCURRENCY);
    return { work: { queue: 'maintenance', worker, limit: CONCURRENCY }, stop: (ms) => worker.stop(ms) };
  }
  const isPaused = async (): Promise<boolean> => {
    const { maintenance } = await readPauses(settings);
    return maintenance !== undefined && !isOver(maintenance, clock.now());
  };
  const timed = wakeByTimer({ clock, report, isPaused }, tasks, CONCURRENCY);
  return { unqueued: timed, stop: (ms) => timed.stop(ms) };
}

/** What a crash left half done: receipts that were being put together, files that were on their way out. */
async function sweep({ settings, report, clock }: HostApp): Promise<void> {
  const scratch = scratchOf(settings);
  await makeDirectory(scratch);
  const files = await sweepTemporaries(scratch, clock.now());
  if (files > 0) report('temporary files swept', { directory: scratch, files });
  await putBackInterrupted(scratch, report);
}
