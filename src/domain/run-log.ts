import type { Tenure } from './lease.ts';

/** Who asked for a run. */
export type Trigger = 'schedule' | 'event' | 'hand';

export type RunOutcome = 'running' | 'done' | 'failed';

/** One run of a job, as it is remembered. */
export interface Run {
  readonly job: string;
  readonly by: Trigger;
  /** ms since 1970. */
  readonly startedAt: number;
  readonly endedAt?: number;
  readonly outcome: RunOutcome;
  /** Why it failed. */
  readonly reason?: string;
  /** What it did, ready for JSON. */
  readonly result?: Readonly<Record<string, unknown>>;
}

/** A run that its schedule asked for. */
export interface DueRun {
  /** The wall clock time that it was due at. */
  readonly due: string;
  readonly outcome: RunOutcome;
  /** When its last attempt began, ms since 1970. */
  readonly startedAt: number;
  readonly attempts: number;
}

export interface BegunRun {
  readonly job: string;
  readonly by: Trigger;
  readonly due: string | undefined;
  readonly startedAt: number;
}

export interface RunEnd {
  readonly endedAt: number;
  readonly outcome: 'done' | 'failed';
  readonly reason: string | null;
  /** JSON. */
  readonly result: string | null;
}

/** The rows behind a journal of jobs. Times are ms since 1970, wall clock times `YYYY-MM-DDTHH:mm`. */
export interface RunLog {
  /** By the clock that its times are of; absent: the host's. */
  now?(): Promise<number>;
  /** Since when the schedule of a job is known: from `wall` on where it was not, or where it was from a later time on. */
  knownSince(job: string, wall: string): Promise<string>;
  /** The last run of a job with a due time that did not begin after `until`. */
  lastDue(job: string, until: number): Promise<DueRun | undefined>;
  /** Takes their due times from the runs of a job that began after that; returns how many, and when the last began. */
  disown(job: string, after: number): Promise<{ readonly runs: number; readonly until: number } | undefined>;
  /** Notes that a run begins; one that is still noted as running has died. Returns what {@link RunLog.end} takes. */
  begin(run: BegunRun, tenure: Tenure | undefined): Promise<number>;
  /** Notes how a run ended, unless it is noted as dead. */
  end(id: number, end: RunEnd, tenure: Tenure | undefined): Promise<void>;
  last(job: string): Promise<Run | undefined>;
  /** The last run of a job that was done and did not begin after `until`. */
  lastDone(job: string, until: number): Promise<Run | undefined>;
  /** Every run that began since then, the newest first. */
  since(since: number, limit: number): Promise<readonly Run[]>;
  close(): void;
}

/** How many runs of each job are remembered. */
export const REMEMBERED_RUNS = 1000;
/** What is said of a run whose end is not noted. */
export const DIED = 'its process ended before it did';
