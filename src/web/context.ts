import type { RunAudit } from './audit-desk.ts';
import { prefixOf } from './base-path.ts';
import {
  ledgerName,
  networkLedger,
  type LoadedSettings,
  type Secret,
  type Settings,
  type UsedParts,
} from '../platform/config/index.ts';
import type { Report } from '../domain/events.ts';
import { WavspoolError } from '../domain/faults.ts';
import type { History, KeptEvent } from '../domain/history.ts';
import { lastStateCheck } from '../operate/health/index.ts';
import type { MaintenanceApi } from '../maintenance/catalogue/index.ts';
import type { Presence, Queues } from '../platform/queue/index.ts';
import type { FailureWords } from '../operate/requeue/index.ts';
import type { Ingested } from '../ingest/rescan/index.ts';
import { within, type Clock } from '../platform/runtime/index.ts';
import type { Ledger, Span } from '../domain/ledger.ts';
import { limited } from './limited.ts';
import {
  collectStatus,
  lookAtQueues,
  type Pauses,
  type QueueFacts,
  type Status,
  type StatusDeps,
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
  /** The site is another host's: what lies under its paths here is not its. */
  readonly isElsewhere?: boolean | undefined;
  /** The other sites of a ledger that is shared. */
  readonly ledgerSites?: LedgerSites | undefined;
  /** Where the settings come from, for who looks at them. */
  readonly loaded?: Pick<LoadedSettings, 'file' | 'sources'>;
}

interface LedgerSites {
  /** The names of all, this one's too; none where the ledger is a file. Throws LEDGER_AWAY. */
  list(): Promise<readonly string[]>;
  /** Opens one of them. Throws SITE_UNASKED where its Redis is not ours. */
  open(site: string): Promise<OpenedSite>;
}

/** Another site of the ledger, until it is closed. */
export interface OpenedSite {
  readonly deps: DashboardDeps;
  readonly close: () => Promise<void>;
}

/** What the routes work with. */
export interface Context extends DashboardDeps {
  /** At most a second old, however many ask. A Redis or a network ledger that is away for 2 s is told of in it. Throws FILE_UNREADABLE after 2.8 s. */
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
const SERVICE_DEADLINE_MS = 2000;
/** A probe of liveness gives up after 3 s. */
const DEADLINE_MS = 2800;

export function createContext(
  deps: DashboardDeps,
  { history, heard }: Pick<Context, 'history' | 'heard'>,
): Context {
  let latest: { readonly at: number; readonly status: Promise<Status> } | undefined;
  let isRunning = false;
  const ask = questionsToRedis(deps);
  const rows = questionsToLedger(deps);
  const collect = async (): Promise<Status> => {
    isRunning = true;
    try {
      return await collectStatus({
        ...deps,
        catalogue: rows,
        queues: ask,
        stateCheck: () =>
          deps.isElsewhere === true ? Promise.resolve(undefined) : lastStateCheck(deps.settings),
        maintenance: () => deps.host.status(),
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
  const message = `Redis did not answer within ${SERVICE_DEADLINE_MS / 1000} s`;
  return new WavspoolError('REDIS_UNREACHABLE', message);
}

function ledgerSilent(name: string): WavspoolError {
  const message = `the ledger ${name} did not answer within ${SERVICE_DEADLINE_MS / 1000} s`;
  return new WavspoolError('LEDGER_AWAY', message);
}

function diskSilent(): WavspoolError {
  const message = `what lies on the disks of this host could not be told within ${DEADLINE_MS / 1000} s`;
  return new WavspoolError('FILE_UNREADABLE', message);
}

function questionsToRedis({ queues, clock }: DashboardDeps): (() => Promise<QueueFacts>) | undefined {
  if (queues === undefined) return undefined;
  return limited(clock, SERVICE_DEADLINE_MS, redisSilent, () => lookAtQueues(queues));
}

/** What the status asks of the ledger; of one on this host's disk without a limit of its own. */
function questionsToLedger({
  settings,
  ledger: { catalogue },
  clock,
}: DashboardDeps): StatusDeps['catalogue'] {
  if (networkLedger(settings) === undefined) return catalogue;
  const silent = (): WavspoolError => ledgerSilent(ledgerName(settings));
  return {
    counts: limited(clock, SERVICE_DEADLINE_MS, silent, () => catalogue.counts()),
    causes: limited(clock, SERVICE_DEADLINE_MS, silent, () => catalogue.causes()),
    ended: limited(clock, SERVICE_DEADLINE_MS, silent, (spans: readonly Span[]) => catalogue.ended(spans)),
  };
}
