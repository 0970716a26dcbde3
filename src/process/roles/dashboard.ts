import { maintenanceApi, openMaintenance } from '../../maintenance/catalogue/index.ts';
import { readPauses } from '../../operate/pause/index.ts';
import { ingestTars } from '../../ingest/rescan/index.ts';
import { failureFilter, requeue, tryCanaries } from '../../operate/requeue/index.ts';
import { WavspoolError } from '../../domain/faults.ts';
import type { Queues } from '../../platform/queue/index.ts';
import { auditInProcess } from '../audit/index.ts';
import { openSiteOfLedger } from '../site-of-ledger.ts';
import { sitesOfLedger } from '../sites.ts';
import { whyNoRecordings, type HostApp } from '../app.ts';
import type { HostRole } from '../run-roles.ts';
import { dashboardToken, startDashboard } from '../../web/index.ts';

/** So long a client that waits for a canary waits. */
const CANARY_MS = 60_000;

/** Serves the console, Bull Board, the API, metrics and liveness. */
export const dashboardRole: HostRole = {
  name: 'dashboard',
  start: async (app) => {
    const { loaded, settings, ledger, queues, presence, clock, report } = app;
    const maintenance = await openMaintenance(app);
    const stopped = new AbortController();
    const { token, isNew } = await dashboardToken(settings);
    const host = maintenanceApi(maintenance, stopped.signal);
    const own = {
      settings,
      parts: loaded.parts,
      ledger,
      queues,
      presence,
      clock,
      report,
      loaded,
      host,
      token,
    };
    const dashboard = await startDashboard({
      ...own,
      requeue: requeueWith(app),
      ingest: async (tars) => ingestTars({ ...app, queues: needed(app) }, tars),
      runAudit: (words, heard, signal) =>
        auditInProcess({ clock, configFile: loaded.file }, words, heard, signal),
      pauses: () => readPauses(app),
      ledgerSites: {
        list: () => sitesOfLedger(settings),
        open: (site) => openSiteOfLedger(app, { host, token, requeueWith }, site),
      },
    });
    // once and past the log, which must never hold it (P9)
    if (isNew) process.stdout.write(`dashboard: ${dashboard.address}/?token=${token.reveal()}\n`);
    return {
      stop: async () => {
        stopped.abort();
        await dashboard.stop();
        maintenance.close();
        return 0;
      },
    };
  },
};

/** Re-queues in a site, a canary first where one is asked for. */
function requeueWith(
  app: HostApp & { readonly isElsewhere?: boolean },
): Parameters<typeof startDashboard>[0]['requeue'] {
  return async (words, tars, { dryRun, canary }) => {
    const deps = { ...app, queues: needed(app) };
    const filter = await failureFilter(app, words);
    if (canary !== undefined && dryRun !== true) {
      const tried = await tryCanaries(deps, filter, canary, 'dashboard', AbortSignal.timeout(CANARY_MS));
      if (tried.failed.length + tried.open.length > 0) return { ...tried, recordings: tried.canary, tars: 0 };
    }
    return requeue(deps, { ...filter, tars, dryRun }, 'dashboard');
  };
}

/** Throws USAGE where nothing goes through Redis: there are no recordings to do anything with. */
function needed({ queues, loaded }: HostApp): Queues {
  if (queues !== undefined) return queues;
  throw new WavspoolError('USAGE', `${whyNoRecordings(loaded)}, so there is nothing to do`);
}
