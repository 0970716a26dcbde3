import { faultCode, messageOf } from '../../domain/faults.ts';
import type { Outcome } from '../queue/index.ts';
import type { When } from './due.ts';
import { dueNow, runDue, type Job, type RunDeps } from './run-job.ts';

/** A job as what wakes it sees it. What wakes it decides nothing: a run begins by asking whether it is due. */
export interface ScheduledJob {
  readonly id: string;
  /** Undefined for one that runs only when it is asked for. */
  readonly when: When | undefined;
  /** Names the run that is due now; undefined when none is. Throws what stands in the way of telling. */
  due(): Promise<string | undefined>;
  /** Never rejects. Safe to call when it is not due, and by several processes at once. */
  run(signal: AbortSignal): Promise<Outcome>;
}

/** These jobs, each run by one of its callers at a time; a second one in this process ends at once. */
export function scheduledJobs(
  deps: RunDeps & { readonly timezone: string },
  jobs: readonly Job[],
): readonly ScheduledJob[] {
  const running = new Set<string>();
  return jobs.map((job) => ({
    id: job.id,
    when: job.when,
    due: () => dueNow(deps, job),
    run: async (signal) => {
      if (running.has(job.id)) return { kind: 'done' };
      running.add(job.id);
      try {
        await runDue(deps, job, signal);
        return { kind: 'done' };
      } catch (error) {
        if (signal.aborted) return { kind: 'release' };
        // still due, so it comes again within seconds; or another host's by now
        if (['JOB_RUNNING', 'LEASE_LOST'].includes(faultCode(error))) return { kind: 'done' };
        return { kind: 'give up', why: messageOf(error) }; // runDue has reported it; it is due again after a pause
      } finally {
        running.delete(job.id);
      }
    },
  }));
}
