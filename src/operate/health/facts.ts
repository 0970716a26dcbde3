import type { Landing } from '../../ingest/arrival/index.ts';
import type { UsedParts } from '../../platform/config/index.ts';
import type { FaultCode } from '../../domain/faults.ts';
import type { MaintenanceStatus } from '../../maintenance/catalogue/index.ts';
import type { Heartbeat, QueueKind } from '../../platform/queue/index.ts';

export interface QueueStatus {
  readonly waiting: number;
  readonly active: number;
  readonly delayed: number;
  readonly failed: number;
  readonly completed: number;
  readonly paused: boolean;
  /** How long the job that has waited longest has done so; absent when none waits. */
  readonly oldestWaitingMs?: number;
  /** How long the job that has run longest has done so; absent when none runs. */
  readonly oldestActiveMs?: number;
  /** Why an operator paused it, since when and until when (ISO; null is until it is resumed); absent when unpaused or not said. */
  readonly reason?: string;
  readonly since?: string;
  readonly until?: string | null;
}

export interface DiskStatus {
  readonly path: string;
  readonly freeBytes: number;
  readonly totalBytes: number;
  readonly freeInodes: number;
  /** 0 on a file system that does not count them. */
  readonly totalInodes: number;
}

/** What was found at a site, before anything is said about it. */
export interface Facts extends MaintenanceStatus {
  readonly site: string;
  readonly at: string;
  /** What of wavspool this host uses; what is not used is not missed. */
  readonly uses: UsedParts;
  /** Null when `state.db` cannot be read; so are `tars` and `rates`, and `causes` is empty. */
  readonly recordings: {
    readonly PENDING: number;
    readonly SUCCESS: number;
    readonly FAILED: number;
    /** The part of FAILED that waits for an operator. */
    readonly givenUp: number;
    /** When the first of these was given up (ISO); null while there are none. */
    readonly givenUpSince: string | null;
    readonly pendingBytes: number;
  } | null;
  readonly tars: {
    readonly extracted: number;
    readonly failed: number;
    /** The part of `failed` that waits for an operator, and since when (ISO). */
    readonly givenUp: number;
    readonly givenUpSince: string | null;
  } | null;
  readonly causes: readonly { readonly cause: string; readonly recordings: number }[];
  /** Whether Redis answers, and why not; null where nothing goes through it. */
  readonly redis: {
    readonly available: boolean;
    readonly code?: FaultCode;
    readonly message?: string;
  } | null;
  /** Those that can be seen: none while Redis is away; `maintenance` alone, by timers, where nothing goes through it. */
  readonly queues: Readonly<Partial<Record<QueueKind, QueueStatus>>>;
  readonly rates: { readonly recordingsLastMinute: number; readonly recordingsLastHour: number } | null;
  readonly state: StateFacts;
  readonly oldestWaiting: { readonly tar: string; readonly ageSeconds: number } | null;
  /** Null where it cannot be told: no recordings go there, or Redis is away. */
  readonly store: {
    readonly available: boolean;
    /** Whether it ever answered; absent while it cannot be told. */
    readonly reached?: boolean;
    readonly cause?: string;
    readonly message?: string;
    readonly since?: string;
  } | null;
  /**
   * By the names of the directories that recordings pass through, where they do, and by the paths of those that hold copies. Null
   * for one that does not exist.
   */
  readonly disk: Readonly<Record<'state', DiskStatus | null>> &
    Readonly<Partial<Record<'incoming' | 'extracted', DiskStatus | null>>> &
    Readonly<Record<string, DiskStatus | null>>;
  /** The settings that decide whether a figure is a problem. */
  readonly limits: {
    readonly minFreeBytes: number;
    readonly maxBacklog: { readonly recordings: number; readonly bytes: number };
  };
  /** The roles that this site's settings ask for. */
  readonly needs: readonly string[];
  /** What lies in the landing directory and is not taken, by reason; a reason without anything is absent. */
  readonly landing?: Landing;
  /** Every role that was heard of within the last 30 s. */
  readonly roles: readonly Heartbeat[];
}

/** How `state.db` itself is. */
export interface StateFacts {
  readonly path: string;
  /** Why it could not be read just now; null when it could. */
  readonly fault: { readonly code: FaultCode; readonly message: string } | null;
  /** What the last look through the whole file found, and when (ISO); null while there was none. */
  readonly check: { readonly at: string; readonly faults: readonly string[] } | null;
}
