import type { Ledger } from '../../domain/ledger.ts';
import type { Clock } from '../../platform/runtime/index.ts';
import type { Heartbeat, Queues } from '../../platform/queue/index.ts';
import { redisFault } from '../../platform/redis/index.ts';
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

/** As {@link readLanding}, of a site; without its queues, or while Redis is away or refuses, what is under way there counts as waiting. Throws what SQLite says, and HOST_FAILING when it is away. */
export async function landingOf(
  deps: LandingDeps,
  page: { readonly after?: string | undefined; readonly limit: number },
): Promise<LandingPage> {
  const { settings, ledger, clock } = deps;
  requirePlace(settings.paths.incoming, settings.paths.data);
  const roles = await rolesAt(deps.queues);
  const queues = roles === undefined ? undefined : deps.queues;
  return readLanding(
    {
      settings: settings.arrival,
      incoming: settings.paths.incoming,
      clock,
      isWatched: roles?.some(({ role }) => role === 'watch') ?? false,
      known: (versions) =>
        queues === undefined
          ? ledger.tars.settled(versions)
          : knownTars({ settings, ledger, queues }, versions),
      prove: proveBelow(settings.paths.incoming),
    },
    page,
  );
}

/** Undefined where Redis does not tell. */
async function rolesAt(queues: Queues | undefined): Promise<readonly Heartbeat[] | undefined> {
  try {
    return await queues?.shared.heartbeats();
  } catch (error) {
    if (redisFault(error) === undefined) throw error;
    return undefined;
  }
}
