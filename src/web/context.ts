import type { RunAudit } from './audit-desk.ts';
import { prefixOf } from './base-path.ts';
import type { LoadedSettings, Secret, Settings, UsedParts } from '../platform/config/index.ts';
import type { Report } from '../domain/events.ts';
import { WavspoolError } from '../domain/faults.ts';
import type { History, KeptEvent } from '../operate/history/index.ts';
import { lastStateCheck } from '../operate/health/index.ts';
import type { MaintenanceApi } from '../maintenance/catalogue/index.ts';
import type { Presence, Queues } from '../platform/queue/index.ts';
import type { FailureWords } from '../operate/requeue/index.ts';
import type { Ingested } from '../ingest/rescan/index.ts';
import { within, type Clock } from '../platform/runtime/index.ts';
import type { Ledger } from '../domain/ledger.ts';
import {
  collectStatus,
  lookAtQueues,
  type Pauses,
  type QueueFacts,
  type Status,
} from '../operate/status/index.ts';

export interface DashboardDeps {
  readonly settings: Settings;
  readonly ledger: Ledger;
  readonly parts: UsedParts;
  /** Undefined where nothing goes through Redis. */
  readonly queues: Queues | undefined;
  readonly presence: Presence;
  readonly clock: Clock;
  readonly report: Report;
  /** FAILED recordings that match; with `tars`, failed tars too. Throws USAGE for a word that can match nothing. */
  readonly requeue: (
    words: FailureWords,
    tars: boolean,
    how: { readonly dryRun?: boolean | undefined; readonly canary?: number | undefined },
  ) => Promise<{ recordings: number; tars: number }>;
  /** Queues these tars now, as `wavspool ingest` does. */
  readonly ingest: (tars: readonly string[]) => Promise<readonly Ingested[]>;
  /** Audits as `wavspool audit` does; one at a time. */
  readonly runAudit: RunAudit;
  readonly pauses: Pauses;
  readonly host: MaintenanceApi;
  readonly token: Secret;
  /** Where the settings come from, for who looks at them. */
  readonly loaded?: Pick<LoadedSettings, 'file' | 'sources'>;
}

/** What the routes work with. */
export interface Context extends DashboardDeps {
  /** At most a second old, however many ask. A Redis that is away for 2 s is told of in it. Throws FILE_UNREADABLE after 2.8 s. */
  readonly status: () => Promise<Status>;
  /** What stands before each of our addresses: nothing, or `/wavspool`. */
  readonly prefix: string;
  /** `http.readOnlyToken`. */
  readonly readOnlyToken: Secret | undefined;
  readonly history: History;
  /** Calls back with each event that is new, until what this returns is called. */
  readonly heard: (listener: (events: readonly KeptEvent[]) => void) => () => void;
}

const FRESH_MS = 1000;
const REDIS_DEADLINE_MS = 2000;
/** A probe of liveness gives up after 3 s. */
const DEADLINE_MS = 2800;

export function createContext(
  deps: DashboardDeps,
  { history, heard }: Pick<Context, 'history' | 'heard'>,
): Context {
  let latest: { readonly at: number; readonly status: Promise<Status> } | undefined;
  let isRunning = false;
  const ask = questionsToRedis(deps);
  const collect = async (): Promise<Status> => {
    isRunning = true;
    try {
      return await collectStatus({
        ...deps,
        catalogue: deps.ledger.catalogue,
        queues: ask,
        stateCheck: () => lastStateCheck(deps.settings),
        keeping: () => deps.host.keeping(),
      });
    } finally {
      isRunning = false;
    }
  };
  return {
    ...deps,
    prefix: prefixOf(deps.settings.http.basePath),
    readOnlyToken: deps.settings.http.readOnlyToken,
    history,
    heard,
    status: () => {
      const now = deps.clock.monotonicMs();
      if (latest === undefined || (!isRunning && now - latest.at >= FRESH_MS))
        latest = { at: now, status: collect() };
      return within(deps.clock, DEADLINE_MS, latest.status, diskSilent);
    },
  };
}

function redisSilent(): WavspoolError {
  const message = `Redis did not answer within ${REDIS_DEADLINE_MS / 1000} s`;
  return new WavspoolError('REDIS_UNREACHABLE', message);
}

function diskSilent(): WavspoolError {
  const message = `what lies on the disks of this host could not be told within ${DEADLINE_MS / 1000} s`;
  return new WavspoolError('FILE_UNREADABLE', message);
}

/** One question at a time: what is asked of a Redis that is away piles up in its client. */
function questionsToRedis({ queues, clock }: DashboardDeps): (() => Promise<QueueFacts>) | undefined {
  if (queues === undefined) return undefined;
  let pending: Promise<QueueFacts> | undefined;
  return () => {
    pending ??= lookAtQueues(queues).finally(() => {
      pending = undefined;
    });
    return within(clock, REDIS_DEADLINE_MS, pending, redisSilent);
  };
}
