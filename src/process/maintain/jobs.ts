import { join } from 'node:path';
import type { HostApp } from '../app.ts';
import { cleanUp } from '../../ingest/cleanup/index.ts';
import { whyAway } from '../../platform/linux/index.ts';
import { receiptWriter } from '../../ingest/receipt/index.ts';
import type { ObjectStore } from '../../platform/s3/index.ts';

/** A job that comes again and again by itself. */
export interface MaintenanceJob {
  readonly name: string;
  readonly everyMs: number;
  /** Returns how much it did; a run that found nothing to do is not reported. Safe to repeat, also after a crash. */
  run(app: HostApp, store: ObjectStore, signal: AbortSignal): Promise<number>;
}

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
/** No upload of ours lasts this long: its deadline is far shorter, and its retry begins a new one. */
const STALE_UPLOAD_MS = 24 * HOUR_MS;

const abortStaleUploads: MaintenanceJob = {
  name: 'abort-stale-uploads',
  everyMs: HOUR_MS,
  run: async (app, store, signal) => {
    const uploads = await store.abortStaleUploads(app.clock.now() - STALE_UPLOAD_MS, signal);
    if (uploads > 0) app.report('stale uploads aborted', { uploads });
    return uploads;
  },
};

function receipts(clock: HostApp['clock']): MaintenanceJob {
  const writeReceipts = receiptWriter(clock);
  return {
    name: 'write-receipts',
    everyMs: MINUTE_MS / 6,
    run: ({ state, report, settings }, store, signal) =>
      writeReceipts(
        {
          state,
          store,
          report,
          site: settings.site,
          prefix: settings.s3.prefix,
          incoming: settings.paths.incoming,
          extracted: settings.paths.extracted,
          scratch: scratchOf(settings),
        },
        signal,
      ),
  };
}

const cleanup: MaintenanceJob = {
  name: 'clean-up',
  everyMs: MINUTE_MS,
  run: ({ state, report, clock, settings }, store, signal) =>
    cleanUp(
      {
        state,
        store,
        report,
        clock,
        rules: settings.cleanup,
        receipts: settings.upload.receipts,
        away: (what) => whyAway(settings.paths[what], settings.paths.data),
        scratch: scratchOf(settings),
      },
      signal,
    ),
};

/** Where receipts are put together. */
export function scratchOf({ paths }: HostApp['settings']): string {
  return join(paths.data, 'scratch');
}

/** The jobs that the settings ask for. */
export function maintenanceJobs({
  loaded: { parts },
  settings,
  clock,
}: Pick<HostApp, 'loaded' | 'settings' | 'clock'>): readonly MaintenanceJob[] {
  return [
    ...(parts.store ? [abortStaleUploads] : []),
    ...(parts.recordings ? ofRecordings(settings, clock) : []),
  ];
}

function ofRecordings(settings: HostApp['settings'], clock: HostApp['clock']): readonly MaintenanceJob[] {
  return [...(settings.upload.receipts ? [receipts(clock)] : []), ...(cleansUp(settings) ? [cleanup] : [])];
}

/** Whether the settings let anything be removed. */
function cleansUp({ cleanup: { extracted, incoming } }: HostApp['settings']): boolean {
  return extracted !== 'keep' || incoming !== 'keep';
}
