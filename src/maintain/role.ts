import type { Outcome } from '../queue/index.ts';
import type { Role } from '../role.ts';
import type { App } from '../app.ts';
import { messageOf } from '../faults.ts';
import { openS3Store, type ObjectStore } from '../store/index.ts';

const HOUR_MS = 3600 * 1000;
/** No upload of ours lasts this long: its deadline is far shorter, and its retry begins a new one. */
const STALE_UPLOAD_MS = 24 * HOUR_MS;
const DEADLINE_MS = 10 * 60 * 1000;

/** Runs the scheduled jobs, one at a time. */
export const maintainRole: Role = {
  name: 'maintain',
  start: async (app) => {
    const { settings, queues, report, clock } = app;
    const { concurrency, multipartBytes } = settings.upload;
    const store = openS3Store({ ...settings.s3, multipartBytes, concurrency }, report, clock);
    await queues.maintenance.limitConcurrency(1);
    await queues.maintenance.schedule('abort-stale-uploads', HOUR_MS, { v: 1, run: 'abort-stale-uploads' });
    const worker = queues.work<'maintenance'>({
      kind: 'maintenance',
      concurrency: 1,
      maxCrashes: 3,
      process: (payload, signal) => run(app, store, payload.run, signal),
    });
    return {
      jobs: () => ({ active: worker.active(), finished: worker.finished(), lastFinishedMsAgo: null }),
      stop: async (graceMs) => {
        const handedBack = await worker.stop(graceMs);
        store.close();
        return handedBack;
      },
    };
  },
};

async function run(app: App, store: ObjectStore, job: string, signal: AbortSignal): Promise<Outcome> {
  const startedAt = app.clock.monotonicMs();
  try {
    if (job !== 'abort-stale-uploads')
      return { kind: 'give up', why: `this version knows no maintenance job ${job}` };
    const deadline = AbortSignal.any([signal, AbortSignal.timeout(DEADLINE_MS)]);
    const uploads = await store.abortStaleUploads(app.clock.now() - STALE_UPLOAD_MS, deadline);
    if (uploads > 0) app.report('stale uploads aborted', { uploads });
    const ms = Math.round(app.clock.monotonicMs() - startedAt);
    app.report('job finished', { queue: 'maintenance', job, ms });
    return { kind: 'done' };
  } catch (err) {
    if (signal.aborted) return { kind: 'hand back' };
    app.report('job failed', { queue: 'maintenance', job, err });
    return { kind: 'give up', why: messageOf(err) }; // the schedule's next run is the retry
  }
}
