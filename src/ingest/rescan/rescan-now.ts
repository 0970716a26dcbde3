import { requirePlace } from '../../platform/linux/index.ts';
import { proveBelow } from '../../platform/tar/index.ts';
import { proveOnce } from '../arrival/index.ts';
import type { IngestDeps } from '../deps.ts';
import { reconcileUploads } from './reconcile.ts';
import { knownTars, queueTarsByDate } from './tars.ts';

/** What a look at everything found, and what was done about it. */
export interface Rescanned {
  /** Tars on disk, and those of them that need nothing. */
  readonly tars: number;
  readonly known: number;
  readonly queued: number;
  readonly incomplete: readonly { readonly path: string; readonly reason: string }[];
  /** Recordings that had no job and have one now. */
  readonly recordings: number;
}

/** Disk against state.db against queues, now. Throws HOST_FAILING when the landing directory is away. Safe to repeat. */
export async function rescanNow(
  app: Pick<IngestDeps, 'settings' | 'ledger' | 'queues' | 'clock' | 'report'>,
): Promise<Rescanned> {
  const { data, incoming } = app.settings.paths;
  requirePlace(incoming, data);
  const { tars, known, queued, incomplete } = await proveOnce({
    settings: app.settings.arrival,
    incoming,
    clock: app.clock,
    report: app.report,
    known: (versions) => knownTars(app, versions),
    queue: async (versions) => {
      await queueTarsByDate(app, versions);
    },
    prove: proveBelow(incoming),
  });
  return { tars, known, queued: queued.length, incomplete, recordings: await reconcileUploads(app, true) };
}
