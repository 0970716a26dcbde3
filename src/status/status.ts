import type { Landing } from '../arrival/index.ts';
import type { UsedParts } from '../config/index.ts';
import type { FaultCode } from '../faults.ts';
import type { Verdict } from '../health/index.ts';
import type { Heartbeat, QueueKind } from '../queue/index.ts';

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

/** What goes on at a site, ready for JSON: absent values are null, times ISO in UTC. */
export interface Status extends Facts {
  /** What follows from all of the rest. */
  readonly verdict: Verdict;
}

/** What was found at a site, before anything is said about it. */
export interface Facts {
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
  /** Null where nobody can tell: no recordings go there, or Redis is away. */
  readonly store: {
    readonly available: boolean;
    /** Whether it ever answered; absent while nobody can tell. */
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
  /** The last snapshot of each database; null for one without. */
  readonly snapshots: Readonly<Record<string, DatabaseStatus | null>>;
  /** What can be brought back of each database that is captured continuously. */
  readonly pointInTime: Readonly<Record<string, PointInTimeStatus>>;
  readonly schedules: readonly ScheduleStatus[];
  /** What each schedule of snapshots, exports, mirrors and logs has made and keeps. */
  readonly copies: readonly CopiesStatus[];
  /** How each log was rotated last. */
  readonly logs: readonly LogStatus[];
}

/** How `state.db` itself is. */
export interface StateFacts {
  readonly path: string;
  /** Why it could not be read just now; null when it could. */
  readonly fault: { readonly code: FaultCode; readonly message: string } | null;
  /** What the last look through the whole file found, and when (ISO); null while there was none. */
  readonly check: { readonly at: string; readonly faults: readonly string[] } | null;
}

export interface PointInTimeStatus {
  readonly mode: 'pages' | 'wal';
  /** The earliest and the latest time that can be restored; null when nothing was captured yet. */
  readonly from: string | null;
  readonly to: string | null;
  /** Since when nothing that was committed is captured for sure. */
  readonly lagSeconds: number | null;
  readonly points: number;
  readonly bytes: number;
  /** Stretches within the range that cannot be restored. */
  readonly gaps: number;
  readonly damaged: readonly string[];
  /** What of it is in the bucket, as it was last found; null where it does not go there. */
  readonly offsite: {
    /** `s3://bucket/key/`, which `restore --from` takes; null when nothing is there yet. */
    readonly where: string | null;
    readonly from: string | null;
    readonly to: string | null;
    /** Since when something was captured that is not there for sure; null when nothing was captured yet. */
    readonly lagSeconds: number | null;
    readonly points: number;
    readonly bytes: number;
    readonly gaps: number;
  } | null;
}

export interface LogStatus {
  readonly log: string;
  readonly last: {
    readonly at: string;
    /** `collapse` loses nothing by construction; `window` may lose what was appended within it; `move` is not wavspool's to lose. */
    readonly way: string;
    readonly windowUs: number;
  } | null;
  /** A crash cut its last rotation off; the next run ends it. */
  readonly unfinished: boolean;
  /** Why it cannot be told. */
  readonly fault?: string;
}

/** What one schedule has made and keeps. */
export interface CopiesStatus {
  readonly kind: 'snapshot' | 'export' | 'mirror' | 'log';
  /** The database, the mirror, or the log. */
  readonly of: string;
  /** Of a mirror and of a log, which have one, what runs it: `mirror`, `rotate`. */
  readonly schedule: string;
  /** It runs by itself: at times, or on an event. */
  readonly enabled: boolean;
  /** At which times, as a cron pattern, and on which event; absent where there is none. */
  readonly cron?: string;
  readonly on?: string;
  readonly directory: string;
  /** What is kept, in words. */
  readonly retention: string;
  /** How many there are that are its own. */
  readonly count: number;
  /** The newest good one. */
  readonly newest: { readonly at: string; readonly path: string; readonly bytes: number } | null;
  /** Those on whose word nothing goes until somebody confirms them. */
  readonly inDoubt: readonly { readonly path: string; readonly doubt: string }[];
  /** Why it cannot be told what lies there. */
  readonly fault?: string;
  /** How many lie there that no record gives to it: nothing removes them. */
  readonly notOurs: number;
  readonly next: string | null;
  readonly last: {
    readonly at: string;
    readonly outcome: 'running' | 'done' | 'failed';
    /** How long it took; absent while it runs, and where its process died. */
    readonly ms?: number;
    /** What it made. */
    readonly bytes?: number;
    readonly error?: string;
  } | null;
}

export interface DatabaseStatus {
  readonly at: string;
  readonly ageSeconds: number;
  readonly path: string;
  readonly bytes: number;
  readonly schedule: string;
  readonly verified: boolean;
}

/** A job that runs by itself. */
export interface ScheduleStatus {
  readonly job: string;
  readonly cron?: string;
  readonly everySeconds?: number;
  readonly next: string;
  /** When the first run was due that nobody has done; it does not move while nothing runs. Null when none is due. */
  readonly dueAt: string | null;
  /** A run is due, has something to do, and is later than a busy host makes it. */
  readonly overdue: boolean;
  readonly last: {
    readonly at: string;
    readonly by: string;
    readonly outcome: 'running' | 'done' | 'failed';
    readonly ms?: number;
    /** Why it failed. */
    readonly reason?: string;
  } | null;
  /** When it last ended well; null for never. */
  readonly lastGood: string | null;
}
