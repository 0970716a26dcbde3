import { startArrival } from '../arrival/index.ts';
import type { Role } from '../role.ts';
import { proveComplete } from '../tar/index.ts';
import { reconcileUploads } from './reconcile.ts';
import { knownTars, queueTars } from './tars.ts';

/** Finds tars that are complete, and rebuilds the queues from the disk and state.db at start and at every rescan. */
export const watchRole: Role = {
  name: 'watch',
  start: async (app) => {
    let thorough = true; // at start nothing is known of what Redis still holds
    const arrival = await startArrival({
      settings: app.settings.arrival,
      incoming: app.settings.paths.incoming,
      clock: app.clock,
      report: app.report,
      known: (versions) => knownTars(app, versions),
      queue: async (versions) => {
        // one that was queued by hand meanwhile, and is done already, would be extracted a second time
        const known = await knownTars(app, versions);
        const open = versions.filter(({ path }) => !known.has(path));
        await queueTars(app, open);
      },
      waiting: async () => (await app.queues.extract.counts()).waiting,
      prove: proveComplete,
      afterRescan: async () => {
        const added = await reconcileUploads(app, thorough);
        thorough = false;
        return added;
      },
    });
    app.queues.onReturn(() => {
      thorough = true;
      arrival.rescanNow().catch(() => undefined); // reported where it failed; the next one makes up for it
    });
    return {
      stop: async () => {
        await arrival.stop();
        return 0;
      },
    };
  },
};
