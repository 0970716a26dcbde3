import type { Report } from '../../domain/events.ts';
import type { RunningWorker } from '../../platform/queue/index.ts';
import type { Clock } from '../../platform/runtime/index.ts';
import { toldOnce } from './told-once.ts';
import type { Task } from './task.ts';

/** How late a run begins that nobody saw coming: one that was missed or has failed, or after the clock was set. */
const LOOK_MS = 5000;
const MINUTE_MS = 60_000;

interface Waking {
  readonly clock: Clock;
  readonly report: Report;
  /** Whether an operator wants nothing to begin. */
  readonly isPaused: () => Promise<boolean>;
}

/** What runs without a queue. */
export type TimedWork = Pick<RunningWorker, 'active' | 'finished' | 'lastFinishedAt' | 'stop'>;

/**
 * Runs each task when it is due, at most `concurrency` at once, none twice at once: it looks at the beginning of each minute, where
 * a cron pattern's moments are, when a run ends, and every 5 s. Other processes may do the same over the same journal.
 */
export function wakeByTimer(waking: Waking, tasks: readonly Task[], concurrency: number): TimedWork {
  const { clock, report, isPaused } = waking;
  const stopped = new AbortController();
  const handBack = new AbortController();
  const told = toldOnce(report);
  const running = new Map<string, Promise<void>>();
  const begunAt = new Map<string, number>();
  const endedAt = new Map<string, number>();
  let waiting = new AbortController();
  let finished = 0;
  let lastFinishedAt: number | undefined;
  let handedBack = 0;

  const isDue = async (task: Task): Promise<boolean> => {
    if (task.kind === 'journaled') return (await told(task.name, () => task.due())) !== undefined;
    const last = begunAt.get(task.name);
    return last === undefined || clock.monotonicMs() - last >= task.everyMs;
  };

  /** One that did not get its turn is due still: it comes again with the next look, not at once. */
  const mayBegin = ({ name }: Task): boolean =>
    !running.has(name) && clock.monotonicMs() - (endedAt.get(name) ?? Number.NEGATIVE_INFINITY) >= LOOK_MS;

  const run = async (task: Task): Promise<void> => {
    begunAt.set(task.name, clock.monotonicMs());
    try {
      const { kind } = await task.run(handBack.signal);
      if (kind === 'hand back') handedBack += 1;
    } catch (err) {
      report('job crashed', { queue: 'maintenance', job: task.name, err, againInMs: LOOK_MS });
    } finally {
      running.delete(task.name);
      finished += 1;
      lastFinishedAt = clock.monotonicMs();
      endedAt.set(task.name, lastFinishedAt);
      waiting.abort();
    }
  };

  const look = async (): Promise<void> => {
    if (await isPaused()) return;
    for (const task of tasks) {
      if (stopped.signal.aborted || running.size >= concurrency) return;
      if (mayBegin(task) && (await isDue(task))) running.set(task.name, run(task));
    }
  };

  const loop = (async () => {
    while (!stopped.signal.aborted) {
      waiting = new AbortController();
      await told('schedule', look);
      const untilMinuteMs = MINUTE_MS - (clock.now() % MINUTE_MS);
      if (!stopped.signal.aborted) await clock.sleep(Math.min(LOOK_MS, untilMinuteMs), waiting.signal);
    }
  })();

  return {
    active: () => running.size,
    finished: () => finished,
    lastFinishedAt: () => lastFinishedAt,
    stop: async (graceMs) => {
      stopped.abort();
      waiting.abort();
      await loop;
      const overdue = new AbortController();
      const late = (async () => {
        await clock.sleep(graceMs, overdue.signal);
        if (!overdue.signal.aborted) handBack.abort(new Error('shutdown'));
      })();
      await Promise.all(running.values());
      overdue.abort();
      await late;
      return handedBack;
    },
  };
}
