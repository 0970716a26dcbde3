import type { HostApp } from '../app.ts';
import { faultCode, messageOf } from '../../domain/faults.ts';
import { hostJobs, type Host } from '../../maintenance/catalogue/index.ts';
import type { Outcome } from '../../platform/queue/index.ts';
import { dueNow, runDue, takeTurn, type Job } from '../../platform/jobs/index.ts';
import { maintenanceJobs, type MaintenanceJob } from './jobs.ts';
import type { Task } from './task.ts';

/** A run of the site's upkeep that is not done by then goes on with the next one. */
const DEADLINE_MS = 10 * 60 * 1000;

/** The site's upkeep and the jobs that keep the host, as these settings ask for them. */
export function tasksOf(app: HostApp, host: Host): readonly Task[] {
  return [
    ...maintenanceJobs(app).map((job): Task => ({
      kind: 'upkeep',
      name: job.name,
      everyMs: job.everyMs,
      run: (signal) => upkeepRun(app, host, job, signal),
    })),
    ...hostJobs(host).map((job): Task => ({
      kind: 'journaled',
      name: job.id,
      cron: job.when !== undefined && 'cron' in job.when ? job.when.cron : undefined,
      due: () => dueNow(host, job),
      run: (signal) => keep(host, job, signal),
    })),
  ];
}

/** One run of a job that keeps the host, if it is still due. */
async function keep(host: Host, job: Job, signal: AbortSignal): Promise<Outcome> {
  try {
    await runDue(host, job, signal);
    return { kind: 'done' };
  } catch (error) {
    if (signal.aborted) return { kind: 'hand back' };
    if (faultCode(error) === 'JOB_RUNNING') return { kind: 'done' }; // still due, so it comes again within seconds
    return { kind: 'give up', why: messageOf(error) }; // runDue has reported it; it is due again after a pause
  }
}

/**
 * One run of the site's upkeep: one job of it at a time, over all processes, so that no second receipt chain begins and nothing
 * is cleaned up under a receipt in the making. One whose last run still waits or goes on is left to that.
 */
async function upkeepRun(
  app: HostApp,
  host: Host,
  job: MaintenanceJob,
  signal: AbortSignal,
): Promise<Outcome> {
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
    if ((await app.queues?.shared.outage()) !== undefined) return { kind: 'done' }; // P7: the next run finds the store back
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
