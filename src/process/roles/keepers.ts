import type { Maintenance } from '../../maintenance/catalogue/index.ts';
import { journalOn, keepLease, type RunDeps } from '../../platform/jobs/index.ts';
import type { HostApp } from '../app.ts';

/** Held by the process that runs the jobs of the site: its receipts, its cleanup. */
const SITE_LEASE = 'maintenance';

/** The keepers of a site's and of a host's jobs, until they are stopped. */
export interface Joined extends Required<Pick<RunDeps, 'keepers'>> {
  stop(): Promise<void>;
}

/**
 * Takes part in what the hosts of a site do once; undefined where the ledger is this host's alone. While the ledger is away no host runs
 * the site's jobs, for their work is in it; a host's own go on.
 */
export function joinKeepers(
  { ledger, clock, report }: Pick<HostApp, 'ledger' | 'clock' | 'report'>,
  { journal, host, isOwn }: Pick<Maintenance, 'journal' | 'host' | 'isOwn'>,
  termMs: number,
): Joined | undefined {
  const { shared } = ledger;
  if (shared === undefined) return undefined;
  const deps = { leases: shared.leases, clock, report };
  const ofSite = keepLease(deps, SITE_LEASE, termMs);
  const ofHost = keepLease(deps, `${SITE_LEASE} of ${host}`, termMs);
  return {
    keepers: {
      site: { journal: journalOn(shared.runs('site')), turn: () => ofSite.current() },
      host: {
        journal,
        turn: (job) => {
          if (isOwn(job) || ledger.trouble() !== undefined) return {};
          const held = ofHost.current();
          // a copy in the making is finished, whichever host has the lease by then
          return held && { tenure: held.tenure };
        },
      },
    },
    stop: async () => {
      await Promise.all([ofSite.stop(), ofHost.stop()]);
    },
  };
}
