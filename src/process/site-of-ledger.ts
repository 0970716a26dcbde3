import { WavspoolError } from '../domain/faults.ts';
import type { MaintenanceApi } from '../maintenance/catalogue/index.ts';
import { readPauses } from '../operate/pause/index.ts';
import type { Secret } from '../platform/config/index.ts';
import type { DashboardDeps, OpenedSite } from '../web/index.ts';
import { auditInProcess } from './audit/index.ts';
import { openLedger } from './open-ledger.ts';
import type { HostApp } from './app.ts';
import { requireSharedRedis } from './sites.ts';

interface OfThisHost {
  /** Its store is that of every site. */
  readonly host: MaintenanceApi;
  readonly token: Secret;
  readonly requeueWith: (app: HostApp & { readonly isElsewhere: boolean }) => DashboardDeps['requeue'];
}

/** Another site of the ledger, as far as its rows, its queues and the bucket tell of it. Throws SITE_UNASKED where its Redis is not ours. */
export async function openSiteOfLedger(
  app: HostApp,
  { host, token, requeueWith }: OfThisHost,
  site: string,
): Promise<OpenedSite> {
  const { loaded, report, clock } = app;
  const settings = { ...app.settings, site };
  requireSharedRedis(settings);
  const { openQueues } = await import('../platform/queue/index.ts');
  const ledger = await openLedger(settings, report);
  const queues = openQueues(settings, report, clock);
  const hostOnly = (): Promise<never> =>
    Promise.reject(new WavspoolError('SITE_UNASKED', `only the host of the site ${site} can do that`));
  const of = { ...app, settings, ledger, queues, presence: queues.shared, isElsewhere: true };
  return {
    deps: {
      settings,
      parts: { ...loaded.parts, recordings: true, redis: true },
      ledger,
      queues,
      presence: queues.shared,
      clock,
      report,
      isElsewhere: true,
      requeue: requeueWith(of),
      ingest: hostOnly,
      runAudit: (words, heard, signal) =>
        auditInProcess({ clock, configFile: loaded.file, site }, words, heard, signal),
      pauses: () => readPauses({ settings, ledger, clock }),
      host: {
        ...host,
        status: () =>
          Promise.resolve({ snapshots: {}, copies: [], pointInTime: {}, schedules: [], logs: [] }),
      },
      token,
    },
    close: async () => {
      await queues.close();
      await ledger.close();
    },
  };
}
