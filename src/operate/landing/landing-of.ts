import type { Ledger } from '../../domain/ledger.ts';
import type { Clock } from '../../platform/runtime/index.ts';
import type { Queues } from '../../platform/queue/index.ts';
import type { Settings } from '../../platform/config/index.ts';
import { requirePlace } from '../../platform/linux/index.ts';
import { knownTars } from '../../ingest/rescan/index.ts';
import { proveBelow } from '../../platform/tar/index.ts';
import { readLanding, type LandingPage } from './read-landing.ts';

export interface LandingDeps {
  readonly settings: Settings;
  readonly ledger: Pick<Ledger, 'tars' | 'recordings' | 'normalise'>;
  readonly clock: Clock;
  readonly queues: Queues | undefined;
}

/** As {@link readLanding}, of a site; without its queues, what is under way there counts as waiting. Throws what SQLite says, and HOST_FAILING when it is away. */
export async function landingOf(
  deps: LandingDeps,
  page: { readonly after?: string | undefined; readonly limit: number },
): Promise<LandingPage> {
  const { settings, ledger, clock, queues } = deps;
  requirePlace(settings.paths.incoming, settings.paths.data);
  const roles = (await queues?.shared.heartbeats()) ?? [];
  return readLanding(
    {
      settings: settings.arrival,
      incoming: settings.paths.incoming,
      clock,
      isWatched: roles.some(({ role }) => role === 'watch'),
      known: (versions) =>
        queues === undefined
          ? ledger.tars.settled(versions)
          : knownTars({ settings, ledger, queues }, versions),
      prove: proveBelow(settings.paths.incoming),
    },
    page,
  );
}
