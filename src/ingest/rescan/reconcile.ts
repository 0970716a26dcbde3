import type { IngestDeps } from '../deps.ts';

import { uploadJobs } from '../../platform/queue/index.ts';

const PAGE = 500;
/** More jobs than this need not wait in Redis at once; the next rescan brings the others. */
const MOST_WAITING = 200_000;

/**
 * Removes the failed jobs whose recordings are all in the bucket, and returns how many: in the middle of a fail-over BullMQ cannot
 * always note that a job is done, and files it as failed. Safe to repeat.
 */
async function forgetDoneFailures({ state, queues }: Pick<IngestDeps, 'state' | 'queues'>): Promise<number> {
  const isStored = (path: string): boolean => state.recording(path)?.status === 'SUCCESS';
  return queues.upload.removeFailed((payload) =>
    ('recordings' in payload ? payload.recordings : [payload.recording]).every(isStored),
  );
}

/**
 * P2: gives every open recording of `state.db` its job again; returns how many had none. Unless `thorough`, it looks
 * closer only when there are fewer jobs than the open recordings need. Safe to repeat.
 */
export async function reconcileUploads(
  app: Pick<IngestDeps, 'state' | 'queues' | 'settings' | 'clock'>,
  thorough: boolean,
): Promise<number> {
  await app.state.normalise();
  if (thorough) await forgetDoneFailures(app);
  const { waiting, active, delayed } = await app.queues.upload.counts();
  if (!thorough && waiting + active + delayed >= app.state.openJobs()) return 0;
  let jobs = waiting;
  let recordings = 0;
  for (let after = 0; jobs < MOST_WAITING;) {
    const page = app.state.openRecordings(after, PAGE);
    const last = page.at(-1);
    if (last === undefined) break;
    after = last.rowid;
    const { order } = app.settings.arrival;
    const added = await app.queues.upload.ensure(uploadJobs(page, order, app.clock.now()));
    jobs += added.length;
    for (const { payload } of added) recordings += 'recordings' in payload ? payload.recordings.length : 1;
  }
  return recordings;
}
