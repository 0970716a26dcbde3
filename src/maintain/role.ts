import type { App } from '../app.ts';
import { putBackInterrupted } from '../cleanup/index.ts';
import { faultCode, messageOf } from '../faults.ts';
import { hostJobs, openHost, shipCommits, type Host } from '../host/index.ts';
import { keepCheckingState } from '../health/index.ts';
import type { Outcome } from '../queue/index.ts';
import type { Role } from '../role.ts';
import { makeDirectory, sweepTemporaries } from '../runtime/index.ts';
import { dueNow, runJob, takeTurn, type Job } from '../schedule/index.ts';
import { maintenanceJobs, scratchOf, type MaintenanceJob } from './jobs.ts';
import { keepScheduled } from './schedules.ts';

/** A run of the site's upkeep that is not done by then goes on with the next one. */
const DEADLINE_MS = 10 * 60 * 1000;
/** Jobs at once, over all processes: a mirror that takes hours keeps no snapshot waiting, nor does upkeep that waits its turn. */
const CONCURRENCY = 6;

/** Runs the scheduled jobs: the site's upkeep and those that keep the host, never two runs of one at a time. */
export const maintainRole: Role = {
  name: 'maintain',
  start: async (app) => {
    await sweep(app);
    const host = await openHost(app);
    const upkeep = maintenanceJobs(app);
    const keeping = hostJobs(host);
    const schedules = keepScheduled(host, app.queues.maintenance, upkeep, keeping);
    const stopped = new AbortController();
    const shipping = shipCommits(host, stopped.signal).catch((err: unknown) =>
      app.report('unexpected fault', { err }),
    );
    const checking = keepCheckingState(app.settings.paths, app, stopped.signal).catch((err: unknown) =>
      app.report('unexpected fault', { err }),
    );
    const worker = app.queues.work<'maintenance'>({
      kind: 'maintenance',
      concurrency: CONCURRENCY,
      process: async ({ run: name }, signal) => {
        const job = keeping.find(({ id }) => id === name);
        if (job !== undefined) return keep(host, job, signal);
        const task = upkeep.find((one) => one.name === name);
        if (task === undefined) return { kind: 'done' }; // gone from the settings since it was queued
        return upkeepRun(app, host, task, signal);
      },
    });
    return {
      work: { queue: 'maintenance', worker, limit: CONCURRENCY },
      stop: async (graceMs) => {
        schedules.stop();
        stopped.abort();
        const handedBack = await worker.stop(graceMs);
        await Promise.all([shipping, checking]);
        host.close();
        return handedBack;
      },
    };
  },
};

/** What a crash left half done: receipts that were being put together, files that were on their way out. */
async function sweep({ settings, report, clock }: App): Promise<void> {
  const scratch = scratchOf(settings);
  await makeDirectory(scratch);
  const files = await sweepTemporaries(scratch, clock.now());
  if (files > 0) report('temporary files swept', { directory: scratch, files });
  await putBackInterrupted(scratch, report);
}

/** One run of a job that keeps the host, if it is still due: the schedules in Redis may repeat themselves. */
async function keep(host: Host, job: Job, signal: AbortSignal): Promise<Outcome> {
  const due = await dueNow(host, job);
  if (due === undefined) return { kind: 'done' };
  try {
    await runJob(host, job, { by: 'schedule', due, patienceMs: 0 }, signal);
    return { kind: 'done' };
  } catch (error) {
    if (signal.aborted) return { kind: 'hand back' };
    if (faultCode(error) === 'JOB_RUNNING') return { kind: 'done' }; // still due, so it comes again within seconds
    return { kind: 'give up', why: messageOf(error) }; // runJob has reported it; it is due again after a pause
  }
}

/**
 * One run of the site's upkeep: one job of it at a time, over all processes, so that no second receipt chain begins and nothing
 * is cleaned up under a receipt in the making. One whose last run still waits or goes on is left to that.
 */
async function upkeepRun(app: App, host: Host, job: MaintenanceJob, signal: AbortSignal): Promise<Outcome> {
  const startedAt = app.clock.monotonicMs();
  const deadline = AbortSignal.timeout(DEADLINE_MS);
  const locks = new DisposableStack();
  try {
    for (const [lock, patienceMs] of [
      [`upkeep ${job.name}`, 0],
      ['upkeep', DEADLINE_MS],
    ] as const) {
      const turn = await takeTurn(host, lock, patienceMs, signal);
      locks.defer(() => turn.release());
    }
    if ((await app.queues.shared.outage()) !== undefined) return { kind: 'done' }; // P7: the next run finds the store back
    const done = await job.run(app, await host.store(), AbortSignal.any([signal, deadline]));
    const ms = Math.round(app.clock.monotonicMs() - startedAt);
    if (done > 0) app.report('job finished', { queue: 'maintenance', job: job.name, ms });
    return { kind: 'done' };
  } catch (err) {
    if (signal.aborted) return { kind: 'hand back' };
    if (deadline.aborted || faultCode(err) === 'JOB_RUNNING') return { kind: 'done' };
    app.report('job failed', { queue: 'maintenance', job: job.name, err });
    return { kind: 'give up', why: messageOf(err) }; // the schedule's next run is the retry
  } finally {
    locks.dispose();
  }
}
