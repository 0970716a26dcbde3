import { join } from 'node:path';
import type { Ledger } from '../../domain/ledger.ts';
import type { Report } from '../../domain/events.ts';
import type { Tenure } from '../../domain/lease.ts';
import type { LoadedSettings, Settings } from '../../platform/config/index.ts';
import type { Job } from '../../platform/jobs/index.ts';
import { whyAway } from '../../platform/linux/index.ts';
import type { Shared } from '../../platform/queue/index.ts';
import { makeDirectory, sweepTemporaries, type Clock } from '../../platform/runtime/index.ts';
import type { ObjectStore } from '../../platform/s3/index.ts';
import { cleanUp, putBackInterrupted } from '../cleanup/index.ts';
import { receiptWriter } from '../receipt/index.ts';

export interface IngestJobsDeps {
  readonly loaded: Pick<LoadedSettings, 'parts'>;
  readonly settings: Settings;
  readonly ledger: Pick<Ledger, 'tars' | 'recordings' | 'receipts' | 'catalogue' | 'shared'>;
  readonly clock: Clock;
  readonly report: Report;
  /** Undefined where nothing goes through Redis. */
  readonly queues: { readonly shared: Pick<Shared, 'outage'> } | undefined;
  readonly store: () => Promise<ObjectStore>;
}

/** How much a run did. */
interface Did {
  readonly did: number;
}

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
/** A run that is not done by then goes on with the next one. */
const DEADLINE_MS = 10 * MINUTE_MS;
/** No upload of ours lasts this long: its deadline is far shorter, and its retry begins a new one. */
const STALE_UPLOAD_MS = 24 * HOUR_MS;

/** The jobs that the settings ask for. */
export function ingestJobs(deps: IngestJobsDeps): readonly Job<Did>[] {
  const { settings, loaded } = deps;
  const ofRecordings = loaded.parts.recordings
    ? [
        ...(settings.upload.receipts ? [writeReceipts(deps)] : []),
        ...(cleansUp(settings) ? [cleanUpJob(deps)] : []),
      ]
    : [];
  return [...(loaded.parts.store ? [abortStaleUploads(deps)] : []), ...ofRecordings];
}

/** Makes the directory where receipts are put together, and puts right what a crash left in it. */
export async function prepareScratch({
  settings,
  report,
  clock,
}: Pick<IngestJobsDeps, 'settings' | 'report' | 'clock'>): Promise<void> {
  const scratch = scratchOf(settings);
  await makeDirectory(scratch);
  const files = await sweepTemporaries(scratch, clock.now());
  if (files > 0) report('temporary files swept', { directory: scratch, files });
  await putBackInterrupted(scratch, report);
}

function abortStaleUploads(deps: IngestJobsDeps): Job<Did> {
  return inTurn(deps, 'abort-stale-uploads', HOUR_MS, async (store, signal) => {
    const uploads = await store.abortStaleUploads(deps.clock.now() - STALE_UPLOAD_MS, signal);
    if (uploads > 0) deps.report('stale uploads aborted', { uploads });
    return uploads;
  });
}

function writeReceipts(deps: IngestJobsDeps): Job<Did> {
  const { ledger, report, settings, clock } = deps;
  const write = receiptWriter(clock);
  return inTurn(deps, 'write-receipts', MINUTE_MS / 6, (store, signal, tenure) =>
    write(
      {
        ledger: { ...ledger, receipts: receiptsUnder(ledger, tenure) },
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
  );
}

function cleanUpJob(deps: IngestJobsDeps): Job<Did> {
  const { ledger, report, clock, settings } = deps;
  return inTurn(deps, 'clean-up', MINUTE_MS, (store, signal, tenure) =>
    cleanUp(
      {
        ledger: { ...ledger, receipts: receiptsUnder(ledger, tenure) },
        requireTurn: async () => {
          signal.throwIfAborted();
          if (tenure !== undefined) await ledger.shared?.leases.requireHeld(tenure);
        },
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
  );
}

function receiptsUnder(
  { receipts, shared }: IngestJobsDeps['ledger'],
  tenure: Tenure | undefined,
): Ledger['receipts'] {
  return tenure === undefined || shared === undefined ? receipts : shared.receipts(tenure);
}

/**
 * A job that waits for the others' end, in all processes: no second receipt chain begins, and nothing is cleaned up under a receipt in
 * the making. `run` returns how much it did; it is safe to repeat, also after a crash.
 */
function inTurn(
  deps: IngestJobsDeps,
  id: string,
  everyMs: number,
  run: (store: ObjectStore, signal: AbortSignal, tenure: Tenure | undefined) => Promise<number>,
): Job<Did> {
  return {
    id,
    lock: 'after upload',
    of: 'site',
    patienceMs: DEADLINE_MS,
    when: { everyMs },
    isNeeded: async () => (await deps.queues?.shared.outage()) === undefined, // P7: a later run finds the store back
    isNews: ({ did }) => did > 0,
    run: async (signal, tenure) => {
      const deadline = AbortSignal.timeout(DEADLINE_MS);
      try {
        return { did: await run(await deps.store(), AbortSignal.any([signal, deadline]), tenure) };
      } catch (error) {
        if (deadline.aborted && !signal.aborted) return { did: 0 };
        throw error;
      }
    },
  };
}

function scratchOf({ paths }: Settings): string {
  return join(paths.data, 'scratch');
}

/** Whether the settings let anything be removed. */
function cleansUp({ cleanup: { extracted, incoming } }: Settings): boolean {
  return extracted !== 'keep' || incoming !== 'keep';
}
