import { hostApi, openHost } from '../host/index.ts';
import { readPauses } from '../pause/index.ts';
import { ingestTars } from '../rescan/index.ts';
import { failureFilter, requeue } from '../requeue/index.ts';
import type { Role } from '../role.ts';
import { startDashboard } from './server.ts';
import { dashboardToken } from './token.ts';

/** Serves the overview page, Bull Board, the API, metrics and liveness. */
export const dashboardRole: Role = {
  name: 'dashboard',
  start: async (app) => {
    const { settings, state, queues, clock, report } = app;
    const host = await openHost(app);
    const stopped = new AbortController();
    const { token, isNew } = await dashboardToken(settings);
    const dashboard = await startDashboard({
      settings,
      state,
      queues,
      clock,
      report,
      requeue: (words, tars) => requeue(app, { ...failureFilter(app, words), tars }, 'dashboard'),
      ingest: (tars) => ingestTars(app, tars),
      pauses: async () => {
        const { extract, upload } = await readPauses(settings);
        return { extract, upload };
      },
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
