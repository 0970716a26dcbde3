import { FAULTS, faultCode } from '../../domain/faults.ts';
import type { Run } from '../../domain/run-log.ts';
import { newerDue, type Begun, type Journal } from './journal.ts';

/**
 * The journal of a host's jobs in a ledger that hosts share: what is noted on the host is noted there as well, so that other processes of
 * the host that keep a data directory of their own know of it; but for those that are `own`. While the ledger is away the host goes on by what it knows itself: one run
 * too many costs a second copy, one too few costs the only one.
 */
export function copiedJournal(
  own: Journal,
  shared: Journal,
  { isAway, isOwn }: { readonly isAway: () => boolean; readonly isOwn: (job: string) => boolean },
): Journal {
  const ifThere = async <T>(ask: () => Promise<T>, job?: string): Promise<T | undefined> => {
    if (isAway() || (job !== undefined && isOwn(job))) return undefined;
    try {
      return await ask();
    } catch (error) {
      if (FAULTS[faultCode(error)].cause !== 'state') throw error;
      return undefined;
    }
  };
  return {
    past: async (job, now, timezone) => {
      const here = await own.past(job, now, timezone);
      const there = await ifThere(() => shared.past(job, now, timezone), job);
      if (there === undefined) return here;
      const last = newerDue(here.last, there.last);
      const since = there.since < here.since ? there.since : here.since;
      return last === undefined ? { since } : { since, last };
    },
    disownFuture: async (job, now) => {
      const there = await ifThere(() => shared.disownFuture(job, now), job);
      return (await own.disownFuture(job, now)) ?? there;
    },
    begin: async (run, tenure) => {
      const there = await ifThere(() => shared.begin(run, tenure), run.job);
      const here = await own.begin(run);
      const both = async (end: (begun: Begun) => Promise<void>): Promise<void> => {
        await end(here);
        if (there !== undefined) await ifThere(() => end(there)).catch(unlessLost);
      };
      return {
        done: (endedAt, result) => both((begun) => begun.done(endedAt, result)),
        failed: (endedAt, reason) => both((begun) => begun.failed(endedAt, reason)),
      };
    },
    last: async (job, now) => {
      const here = await own.last(job, now);
      const there = await ifThere(() => shared.last(job, now), job);
      return { run: newerRun(here.run, there?.run), good: newerRun(here.good, there?.good) };
    },
    runsSince: async (since, limit) => {
      const here = await own.runsSince(since, limit);
      const there = (await ifThere(() => shared.runsSince(since, limit))) ?? [];
      const known = new Set(here.map(keyOf));
      return [...here, ...there.filter((run) => !known.has(keyOf(run)))]
        .toSorted((a, b) => b.startedAt - a.startedAt)
        .slice(0, limit);
    },
    close: () => own.close(),
  };
}

/** It was done all the same; that another process took it for dead is noted there. */
function unlessLost(error: unknown): void {
  if (faultCode(error) !== 'LEASE_LOST') throw error;
}

function newerRun(here: Run | undefined, there: Run | undefined): Run | undefined {
  return here === undefined || (there !== undefined && there.startedAt > here.startedAt) ? there : here;
}

function keyOf({ job, startedAt }: Run): string {
  return `${startedAt} ${job}`;
}
