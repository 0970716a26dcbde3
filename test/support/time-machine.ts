import type { Maintenance } from '../../src/maintenance/catalogue/index.ts';
import { systemClock, type Clock } from '../../src/platform/runtime/index.ts';
import { dueNow, nextRun, runJob, type Job } from '../../src/platform/jobs/index.ts';

/** A clock whose date stands still until it is set. */
export interface ControlledClock extends Clock {
  set(at: number): void;
}

export function controlledClock(at: number): ControlledClock {
  let now = at;
  return {
    now: () => now,
    monotonicMs: () => systemClock.monotonicMs(),
    sleep: (ms, signal) => systemClock.sleep(ms, signal), // durations are real: only the date is controlled
    set: (at) => {
      now = at;
    },
  };
}

export interface Lived {
  readonly job: string;
  /** ISO in UTC. */
  readonly at: string;
}

/**
 * Lives on this host until `until` (ms since 1970): the clock goes from one moment at which a job is due to the next, and
 * each that is due is run as the maintain role runs it. `before` is what the world does until then. Returns what was run.
 */
export async function live(
  host: Maintenance & { readonly clock: Clock },
  clock: ControlledClock,
  jobs: readonly Job[],
  until: number,
  before: (at: number) => Promise<void> | void = () => undefined,
): Promise<readonly Lived[]> {
  const lived: Lived[] = [];
  const { journal, timezone } = host;
  const past = (job: Job, now: number): ReturnType<typeof journal.past> =>
    journal.past(job.id, now, timezone);
  for (;;) {
    const now = clock.now();
    const timed = jobs
      // those that look whether there is something to do are asked whenever another job is due
      .filter(({ when, isNeeded }) => when !== undefined && ('cron' in when || isNeeded === undefined))
      .map(async (job) => nextRun(job.when!, timezone, now, await past(job, now)));
    const times = await Promise.all(timed);
    const next = Math.min(...times);
    if (next > until) break;
    await before(next);
    clock.set(Math.max(next, now + 1000));
    for (const job of jobs) {
      const due = await dueNow(host, job);
      if (due === undefined) continue;
      await runJob(host, job, { by: 'schedule', due, patienceMs: 0 }, new AbortController().signal);
      lived.push({ job: job.id, at: new Date(clock.now()).toISOString() });
      clock.set(clock.now() + 1000); // it took its time
    }
  }
  clock.set(until);
  return lived;
}
