import type { StateStore } from '../state/index.ts';
import type { Clock } from '../runtime/index.ts';
import type { Queues } from '../queue/index.ts';
import type { Settings } from '../config/index.ts';
import { requirePlace } from '../linux/index.ts';
import { knownTars } from '../rescan/index.ts';
import { proveBelow } from '../tar/index.ts';
import { readLanding, type LandingPage } from './read-landing.ts';

export interface LandingDeps {
  readonly settings: Settings;
  readonly state: StateStore;
  readonly clock: Clock;
  readonly queues: Queues | undefined;
}

/** As {@link readLanding}, of a site; without its queues, what is under way there counts as waiting. Throws what SQLite says, and HOST_FAILING when it is away. */
export async function landingOf(
  deps: LandingDeps,
  page: { readonly after?: string | undefined; readonly limit: number },
): Promise<LandingPage> {
  const { settings, state, clock, queues } = deps;
  requirePlace(settings.paths.incoming, settings.paths.data);
  const roles = (await queues?.shared.heartbeats()) ?? [];
  return readLanding(
    {
      settings: settings.arrival,
      incoming: settings.paths.incoming,
      clock,
      isWatched: roles.some(({ role }) => role === 'watch'),
      known: (versions) =>
        queues === undefined ? state.settledTars(versions) : knownTars({ settings, state, queues }, versions),
      prove: proveBelow(settings.paths.incoming),
    },
    page,
  );
}
