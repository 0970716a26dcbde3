import { hostApi, openHost } from '../../maintenance/catalogue/index.ts';
import { readPauses } from '../../operate/pause/index.ts';
import { ingestTars } from '../../ingest/rescan/index.ts';
import { failureFilter, requeue } from '../../operate/requeue/index.ts';
import { WavspoolError } from '../../domain/faults.ts';
import type { Queues } from '../../platform/queue/index.ts';
import { whyNoRecordings, type HostApp } from '../app.ts';
import type { HostRole } from '../run-roles.ts';
import { dashboardToken, startDashboard } from '../../web/index.ts';

/** Serves the overview page, Bull Board, the API, metrics and liveness. */
export const dashboardRole: HostRole = {
  name: 'dashboard',
  start: async (app) => {
    const { loaded, settings, ledger, queues, presence, clock, report } = app;
    const host = await openHost(app);
    const stopped = new AbortController();
    const { token, isNew } = await dashboardToken(settings);
    const dashboard = await startDashboard({
      settings,
      parts: loaded.parts,
      ledger,
      queues,
      presence,
      clock,
      report,
      requeue: async (words, tars) =>
        requeue({ ...app, queues: needed(app) }, { ...(await failureFilter(app, words)), tars }, 'dashboard'),
      ingest: async (tars) => ingestTars({ ...app, queues: needed(app) }, tars),
      pauses: () => readPauses(settings),
      host: hostApi(host, stopped.signal),
      token,
    });
    // once and past the log, which must never hold it (P9)
    if (isNew) process.stdout.write(`dashboard: ${dashboard.address}/?token=${token.reveal()}\n`);
    return {
      stop: async () => {
        stopped.abort();
        await dashboard.stop();
        host.close();
        return 0;
      },
    };
  },
};

/** Throws USAGE where nothing goes through Redis: there are no recordings to do anything with. */
function needed({ queues, loaded }: HostApp): Queues {
  if (queues !== undefined) return queues;
  throw new WavspoolError('USAGE', `${whyNoRecordings(loaded)}, so there is nothing to do`);
}
