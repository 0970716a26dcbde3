import type { Host } from '../host/index.ts';
import type { WorkQueue } from '../queue/index.ts';
import { dueNow, type Job } from '../schedule/index.ts';
import type { MaintenanceJob } from './jobs.ts';

/** So long nothing is scheduled in Redis after it has forgotten everything. */
const RESCHEDULE_MS = 30_000;
/** How late a run begins that Redis does not bring: after a restart, after a failure, where the clock skipped its hour. */
const LOOK_MS = 5000;

/**
 * Keeps the schedules in Redis, which may forget them (P2), and queues what is due and was not brought by them: a run that
 * was missed while nothing ran, one that failed and is to be tried again.
 */
export function keepScheduled(
  host: Host,
  queue: WorkQueue<'maintenance'>,
  upkeep: readonly MaintenanceJob[],
  keeping: readonly Job[],
): { stop(): void } {
  const { clock, report, timezone } = host;
  const stopped = new AbortController();
  const again = async (everyMs: number, step: () => Promise<void>): Promise<void> => {
    while (!stopped.signal.aborted) {
      await step().catch((err: unknown) =>
        report('job failed', { queue: 'maintenance', job: 'schedule', err }),
      );
      await clock.sleep(everyMs, stopped.signal);
    }
  };

  const schedule = async (): Promise<void> => {
    const ids: string[] = [];
    for (const { name, everyMs } of upkeep) {
      await queue.schedule(name, everyMs, { v: 1, run: name });
      ids.push(name);
    }
    for (const { id, when } of keeping) {
      if (when === undefined || !('cron' in when)) continue;
      await queue.scheduleCron(keyOf(id), when.cron, timezone, { v: 1, run: id });
      ids.push(keyOf(id));
    }
    await queue.keepSchedules(ids);
  };

  const queueDue = async (): Promise<void> => {
    for (const job of keeping) {
      const due = await dueNow(host, job);
      if (due === undefined) continue;
      const id = `due-${keyOf(job.id)}-${keyOf(due)}`;
      await queue.ensure([{ id, payload: { v: 1, run: job.id }, priority: 0 }]);
    }
  };

  for (const loop of [again(RESCHEDULE_MS, schedule), again(LOOK_MS, queueDue)])
    loop.catch((err: unknown) => report('unexpected fault', { err }));
  return { stop: () => stopped.abort() };
}

/** BullMQ and Bull Board's addresses take neither `:` nor `/` in an id. */
function keyOf(id: string): string {
  return id.replaceAll(/[^\w.-]/g, '-');
}
