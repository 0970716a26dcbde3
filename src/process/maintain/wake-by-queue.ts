import type { Host } from '../../maintenance/catalogue/index.ts';
import type { Queues, RunningWorker, WorkQueue } from '../../platform/queue/index.ts';
import { every } from '../../platform/runtime/index.ts';
import { toldOnce } from './told-once.ts';
import type { Task } from './task.ts';

/** So long nothing is scheduled in Redis after it has forgotten everything. */
const RESCHEDULE_MS = 30_000;
/** How late a run begins that Redis does not bring: after a restart, after a failure, where the clock skipped its hour. */
const LOOK_MS = 5000;

type Waking = Pick<Host, 'clock' | 'report' | 'timezone'>;

/**
 * Runs the tasks that the maintenance queue brings, `concurrency` at once over all processes. Redis may forget the schedules (P2),
 * so they are renewed, and what is due and was not brought by them is queued.
 */
export function wakeByQueue(
  waking: Waking,
  queues: Pick<Queues, 'maintenance' | 'work'>,
  tasks: readonly Task[],
  concurrency: number,
): RunningWorker {
  const worker = queues.work<'maintenance'>({
    kind: 'maintenance',
    concurrency,
    process: async ({ run: name }, signal) =>
      // one that is gone from the settings since it was queued is done
      (await tasks.find((task) => task.name === name)?.run(signal)) ?? { kind: 'done' },
  });
  const schedules = keepScheduled(waking, queues.maintenance, tasks);
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
  tasks: readonly Task[],
): { stop(): void } {
  const stopped = new AbortController();
  const told = toldOnce(report);
  const schedule = async (): Promise<void> => {
    const ids: string[] = [];
    for (const task of tasks) {
      const id = keyOf(task.name);
      const payload = { v: 1, run: task.name } as const;
      if (task.kind === 'upkeep') await queue.schedule(id, task.everyMs, payload);
      else if (task.cron !== undefined) await queue.scheduleCron(id, task.cron, timezone, payload);
      else continue;
      ids.push(id);
    }
    await queue.keepSchedules(ids);
  };

  const queueDue = async (): Promise<void> => {
    for (const task of tasks) {
      if (task.kind === 'upkeep') continue;
      const due = await told(task.name, () => task.due());
      if (due === undefined) continue;
      const id = `due-${keyOf(task.name)}-${keyOf(due)}`;
      await queue.ensure([{ id, payload: { v: 1, run: task.name }, priority: 0 }]);
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
