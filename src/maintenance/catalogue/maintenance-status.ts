/** How maintenance stands: its copies, its logs and the jobs that run by themselves. */
export interface MaintenanceStatus {
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
  /** Those on whose word nothing goes until an operator confirms them. */
  readonly inDoubt: readonly { readonly path: string; readonly doubt: string }[];
  /** Those that a reading found damaged. */
  readonly damaged: readonly { readonly path: string; readonly damage: string }[];
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
  /** When the first run was due that was not done; it does not move while nothing runs. Null when none is due. */
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
