import type { IngestDeps } from '../deps.ts';

import { everyPage } from '../../platform/paging/index.ts';
import { uploadJobs } from '../../platform/queue/index.ts';

const PAGE = 500;
/** More jobs than this need not wait in Redis at once; the next rescan brings the others. */
const MOST_WAITING = 200_000;

/**
 * Removes the failed jobs whose recordings are all in the bucket, and returns how many: in the middle of a fail-over BullMQ cannot
 * always note that a job is done, and files it as failed. Safe to repeat.
 */
async function forgetDoneFailures({
  ledger,
  queues,
}: Pick<IngestDeps, 'ledger' | 'queues'>): Promise<number> {
  return queues.upload.removeFailed(async (payload) => {
    const paths = 'recordings' in payload ? payload.recordings : [payload.recording];
    const rows = await ledger.recordings.many(paths);
    return rows.length === paths.length && rows.every(({ status }) => status === 'SUCCESS');
  });
}

/**
 * P2: gives every open recording of `state.db` its job again; returns how many had none. Unless `thorough`, it looks
 * closer only when there are fewer jobs than the open recordings need. Safe to repeat.
 */
export async function reconcileUploads(
  app: Pick<IngestDeps, 'ledger' | 'queues' | 'settings' | 'clock'>,
  thorough: boolean,
): Promise<number> {
  await app.ledger.normalise();
  if (thorough) await forgetDoneFailures(app);
  const { waiting, active, delayed } = await app.queues.upload.counts();
  if (!thorough && waiting + active + delayed >= (await app.ledger.recordings.openUnitCount())) return 0;
  let jobs = waiting;
  let recordings = 0;
  const { order } = app.settings.arrival;
  for await (const units of everyPage((after) => app.ledger.recordings.openUnits({ after, limit: PAGE }))) {
    if (jobs >= MOST_WAITING) break;
    const added = await app.queues.upload.ensure(uploadJobs(units, order, app.clock.now()));
    jobs += added.length;
    for (const { payload } of added) recordings += 'recordings' in payload ? payload.recordings.length : 1;
  }
  return recordings;
}
