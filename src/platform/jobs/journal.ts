import type { DueRun, Run, RunEnd, RunLog, Trigger } from '../../domain/run-log.ts';
import type { Tenure } from '../../domain/lease.ts';
import { CLOCK_SLACK_MS, wallClock, type Past } from './due.ts';
import { openRunLog } from './run-log.ts';

/**
 * What was run when, and how it ended. Redis may forget every schedule (P2), this does not.
 */
export interface Journal {
  /** ms since 1970, by the clock that its times are of; absent: the host's. */
  now?(): Promise<number>;
  /**
   * What is known of a job at `now`, ms since 1970; the first time, it notes that its schedule is known from then on. Runs that
   * began in the future are none, and a schedule that is known from the future on is known from now on: the clock was ahead.
   */
  past(job: string, now: number, timezone: string): Promise<Past>;
  /**
   * Takes their due times from the runs of a job that began in the future, so that they stand for nothing when the clock comes
   * there again. Returns how many there were, and when the last of them began, ms since 1970. Safe to repeat.
   */
  disownFuture(
    job: string,
    now: number,
  ): Promise<{ readonly runs: number; readonly until: number } | undefined>;
  /**
   * A run begins; one that is still noted as running has died. Returns what to end it with. That a quiet one has begun is known in
   * this process only, until it is ended here. Under a tenure that is over, all of it throws LEASE_LOST.
   */
  begin(run: NewRun, tenure?: Tenure): Promise<Begun>;
  /** The last run of a job, and the last that was done and did not begin in the future of `now`, ms since 1970. */
  last(job: string, now: number): Promise<{ readonly run: Run | undefined; readonly good: Run | undefined }>;
  /** Every run that began since then (ms since 1970), the newest first, at most so many. */
  runsSince(since: number, limit: number): Promise<readonly Run[]>;
  close(): void;
}

export interface NewRun {
  readonly job: string;
  readonly by: Trigger;
  readonly due: string | undefined;
  readonly startedAt: number;
  /** It comes every few seconds, and mostly finds nothing to do: a row for each would be all that the journal holds. */
  readonly isQuiet?: boolean;
}

export interface Begun {
  done(endedAt: number, result: object): Promise<void>;
  failed(endedAt: number, reason: string): Promise<void>;
}

/** Opens the journal in the data directory. Throws STATE_UNUSABLE. */
export async function openJournal(dataDirectory: string): Promise<Journal> {
  return journalOn(await openRunLog(dataDirectory));
}

/** The journal over these rows. */
export function journalOn(log: RunLog): Journal {
  const quiet = new Map<string, NewRun>();
  return {
    ...(log.now !== undefined && { now: () => log.now?.() ?? Promise.reject(new Error('it has no clock')) }),
    past: async (job, now, timezone) => {
      const since = await log.knownSince(job, wallClock(now, timezone));
      const last = newerDue(await log.lastDue(job, believedUntil(now)), lastOf(quiet.get(job), now));
      return last === undefined ? { since } : { since, last };
    },
    disownFuture: (job, now) => log.disown(job, believedUntil(now)),
    begin: async (run, tenure) => {
      const { isQuiet = false, ...noted } = run;
      if (isQuiet) quiet.set(run.job, run);
      const id = isQuiet ? undefined : await log.begin(noted, tenure);
      const finish = async (end: RunEnd): Promise<void> =>
        log.end(id ?? (await log.begin(noted, tenure)), end, tenure);
      return {
        done: (endedAt, result) =>
          finish({ endedAt, outcome: 'done', reason: null, result: JSON.stringify(result) }),
        failed: (endedAt, reason) => finish({ endedAt, outcome: 'failed', reason, result: null }),
      };
    },
    last: async (job, now) => ({
      run: await log.last(job),
      good: await log.lastDone(job, believedUntil(now)),
    }),
    runsSince: (since, limit) => log.since(since, limit),
    close: () => log.close(),
  };
}

/** The one that began later. */
export function newerDue(one: DueRun | undefined, other: DueRun | undefined): DueRun | undefined {
  return one === undefined || (other !== undefined && other.startedAt > one.startedAt) ? other : one;
}

/** A quiet run as the last one that is known; undefined where it began in the future, for the clock was ahead then. */
function lastOf(run: NewRun | undefined, now: number): DueRun | undefined {
  if (run?.due === undefined || run.startedAt > now + CLOCK_SLACK_MS) return undefined;
  return { due: run.due, outcome: 'done', attempts: 1, startedAt: run.startedAt };
}

/** The latest beginning that is believed at `now`. */
function believedUntil(now: number): number {
  return now + CLOCK_SLACK_MS;
}
