import type { App } from '../app.ts';
import { putBackInterrupted } from '../cleanup/index.ts';
import { messageOf } from '../faults.ts';
import type { Outcome } from '../queue/index.ts';
import type { Role } from '../role.ts';
import { makeDirectory, sweepTemporaries } from '../runtime/index.ts';
import { openS3Store, type ObjectStore } from '../store/index.ts';
import { cleansUp, maintenanceJobs, scratchOf, type MaintenanceJob } from './jobs.ts';

/** A run that is not done by then goes on with the next one. */
const DEADLINE_MS = 10 * 60 * 1000;

/** So long nothing is scheduled after Redis has forgotten everything. */
const RESCHEDULE_MS = 30_000;

/** Runs the scheduled jobs, one at a time. */
export const maintainRole: Role = {
  name: 'maintain',
  start: async (app) => {
    const { settings, queues, report, clock } = app;
    const { concurrency, multipartBytes } = settings.upload;
    await sweep(app);
    const store = openS3Store({ ...settings.s3, multipartBytes, concurrency }, report, clock);
    const jobs = maintenanceJobs(settings);
    const schedules = keepScheduled(app, jobs);
    const worker = queues.work<'maintenance'>({
      kind: 'maintenance',
      concurrency: 1,
      process: (payload, signal) =>
        run(
          app,
          store,
          jobs.find(({ name }) => name === payload.run),
          signal,
        ),
    });
    return {
      work: { queue: 'maintenance', worker, limit: 1 },
      stop: async (graceMs) => {
        schedules.stop();
        const handedBack = await worker.stop(graceMs);
        store.close();
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
  if (!cleansUp(settings)) return;
  for (const directory of [settings.paths.incoming, settings.paths.extracted]) {
    await makeDirectory(directory);
    await putBackInterrupted(directory);
  }
}

/** P2: schedules live in Redis, so they are written again and again. */
function keepScheduled(
  { queues: { maintenance }, clock, report }: App,
  jobs: readonly MaintenanceJob[],
): { stop(): void } {
  const stopped = new AbortController();
  const write = async (): Promise<void> => {
    for (const { name, everyMs } of jobs) await maintenance.schedule(name, everyMs, { v: 1, run: name });
    await maintenance.keepSchedules(jobs.map(({ name }) => name));
  };
  const loop = async (): Promise<void> => {
    while (!stopped.signal.aborted) {
      await write().catch((err: unknown) =>
        report('job failed', { queue: 'maintenance', job: 'schedule', err }),
      );
      await clock.sleep(RESCHEDULE_MS, stopped.signal);
    }
  };
  loop().catch((err: unknown) => report('unexpected fault', { err }));
  return { stop: () => stopped.abort() };
}

async function run(
  app: App,
  store: ObjectStore,
  job: MaintenanceJob | undefined,
  signal: AbortSignal,
): Promise<Outcome> {
  if (job === undefined) return { kind: 'done' }; // these settings do not ask for it any more
  const startedAt = app.clock.monotonicMs();
  const deadline = AbortSignal.timeout(DEADLINE_MS);
  try {
    if ((await app.queues.shared.outage()) !== undefined) return { kind: 'done' }; // P7: the next run finds the store back
    const done = await job.run(app, store, AbortSignal.any([signal, deadline]));
    const ms = Math.round(app.clock.monotonicMs() - startedAt);
    if (done > 0) app.report('job finished', { queue: 'maintenance', job: job.name, ms });
    return { kind: 'done' };
  } catch (err) {
    if (signal.aborted) return { kind: 'hand back' };
    if (deadline.aborted) return { kind: 'done' };
    app.report('job failed', { queue: 'maintenance', job: job.name, err });
    return { kind: 'give up', why: messageOf(err) }; // the schedule's next run is the retry
  }
}
