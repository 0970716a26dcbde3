import type { Report } from '../../domain/events.ts';
import type { Queues, RunningWorker, WorkQueue } from '../queue/index.ts';
import { every, type Clock } from '../runtime/index.ts';
import type { ScheduledJob } from './scheduled-jobs.ts';
import { toldOnce } from './told-once.ts';

/** So long nothing is scheduled in Redis after it has forgotten everything. */
const RESCHEDULE_MS = 30_000;
/** How late a run begins that Redis does not bring: after a restart, after a failure, where the clock skipped its hour. */
const LOOK_MS = 5000;

interface Waking {
  readonly clock: Clock;
  readonly report: Report;
  /** IANA, of the cron patterns. */
  readonly timezone: string;
}

/**
 * Runs the jobs that the maintenance queue brings, `concurrency` at once over all processes. Redis may forget the schedules (P2),
 * so they are renewed, and what is due and was not brought by them is queued.
 */
export function wakeByQueue(
  waking: Waking,
  queues: Pick<Queues, 'maintenance' | 'work'>,
  jobs: readonly ScheduledJob[],
  concurrency: number,
): RunningWorker {
  const worker = queues.work<'maintenance'>({
    kind: 'maintenance',
    concurrency,
    process: async ({ run: id }, signal) =>
      // one that is gone from the settings since it was queued is done
      (await jobs.find((job) => job.id === id)?.run(signal)) ?? { kind: 'done' },
  });
  const schedules = keepScheduled(waking, queues.maintenance, jobs);
  return {
    ...worker,
    stop: (graceMs) => {
      schedules.stop();
      return worker.stop(graceMs);
    },
  };
}

function keepScheduled(
  { clock, report, timezone }: Waking,
  queue: WorkQueue<'maintenance'>,
  jobs: readonly ScheduledJob[],
): { stop(): void } {
  const stopped = new AbortController();
  const told = toldOnce(report);
  const schedule = async (): Promise<void> => {
    const ids: string[] = [];
    for (const job of jobs) {
      if (job.when === undefined) continue;
      const id = keyOf(job.id);
      const payload = { v: 1, run: job.id } as const;
      if ('everyMs' in job.when) await queue.schedule(id, job.when.everyMs, payload);
      else await queue.scheduleCron(id, job.when.cron, timezone, payload);
      ids.push(id);
    }
    await queue.keepSchedules(ids);
  };

  const queueDue = async (): Promise<void> => {
    for (const job of jobs) {
      const due = await told(job.id, () => job.due());
      if (due === undefined) continue;
      const id = `due-${keyOf(job.id)}-${keyOf(due)}`;
      await queue.ensure([{ id, payload: { v: 1, run: job.id }, priority: 0 }]);
    }
  };

  const repeating = {
    clock,
    signal: stopped.signal,
    failed: (err: unknown, times: number) => report('schedules not renewed', { err, times }),
  };
  void every(RESCHEDULE_MS, schedule, repeating);
  void every(LOOK_MS, queueDue, repeating);
  return { stop: () => stopped.abort() };
}

/** BullMQ and Bull Board's addresses take neither `:` nor `/` in an id. */
function keyOf(id: string): string {
  return id.replaceAll(/[^\w.-]/g, '-');
}
