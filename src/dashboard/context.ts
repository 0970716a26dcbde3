import type { Secret, Settings } from '../config/index.ts';
import type { Report } from '../events.ts';
import { lastStateCheck } from '../health/index.ts';
import type { HostApi } from '../host/index.ts';
import type { Queues } from '../queue/index.ts';
import type { FailureWords } from '../requeue/index.ts';
import type { Ingested } from '../rescan/index.ts';
import type { Clock } from '../runtime/index.ts';
import type { StateStore } from '../state/index.ts';
import { collectStatus, type Pauses, type Status } from '../status/index.ts';
import { within } from './within.ts';

export interface DashboardDeps {
  readonly settings: Settings;
  readonly state: StateStore;
  readonly queues: Queues;
  readonly clock: Clock;
  readonly report: Report;
  /** FAILED recordings that match; with `tars`, failed tars too. Throws USAGE for a word that can match nothing. */
  readonly requeue: (words: FailureWords, tars: boolean) => Promise<{ recordings: number; tars: number }>;
  /** Queues these tars now, as `wavspool ingest` does. */
  readonly ingest: (tars: readonly string[]) => Promise<readonly Ingested[]>;
  readonly pauses: Pauses;
  readonly host: HostApi;
  readonly token: Secret;
}

/** What the routes work with. */
export interface Context extends DashboardDeps {
  /** At most a second old, however many ask; throws REDIS_UNREACHABLE after 2.5 s. */
  readonly status: () => Promise<Status>;
}

const FRESH_MS = 1000;
const DEADLINE_MS = 2500;

export function createContext(deps: DashboardDeps): Context {
  let latest: { readonly at: number; readonly status: Promise<Status> } | undefined;
  let isRunning = false;
  const collect = async (): Promise<Status> => {
    isRunning = true;
    try {
      return await collectStatus({
        ...deps,
        stateCheck: () => lastStateCheck(deps.settings.paths),
        keeping: () => deps.host.keeping(),
      });
    } finally {
      isRunning = false;
    }
  };
  return {
    ...deps,
    status: () => {
      const now = deps.clock.monotonicMs();
      // one at a time: what is asked of a Redis that is away piles up in its client
      if (latest === undefined || (!isRunning && now - latest.at >= FRESH_MS))
        latest = { at: now, status: collect() };
      return within(deps.clock, DEADLINE_MS, latest.status);
    },
  };
}
