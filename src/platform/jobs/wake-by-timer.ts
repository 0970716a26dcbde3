import type { Report } from '../../domain/events.ts';
import type { RunningWorker } from '../queue/index.ts';
import { startGrace, type Clock } from '../runtime/index.ts';
import type { ScheduledJob } from './scheduled-jobs.ts';
import { toldOnce } from './told-once.ts';

/** How late a run begins that no timer was set for: one that was missed or has failed, or after the clock was set. */
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
 * Runs each job when it is due, at most `concurrency` at once, none twice at once: it looks at the beginning of each minute, where
 * a cron pattern's moments are, when a run ends, and every 5 s. Other processes may do the same over the same journal.
 */
export function wakeByTimer(waking: Waking, jobs: readonly ScheduledJob[], concurrency: number): TimedWork {
  const { clock, report, isPaused } = waking;
  const stopped = new AbortController();
  const releaseNow = new AbortController();
  const told = toldOnce(report);
  const running = new Map<string, Promise<void>>();
  const endedAt = new Map<string, number>();
  let waiting = new AbortController();
  let finished = 0;
  let lastFinishedAt: number | undefined;
  let released = 0;

  const isDue = async (job: ScheduledJob): Promise<boolean> =>
    (await told(job.id, () => job.due())) !== undefined;

  /** One that did not get its turn is due still: it comes again with the next look, not at once. */
  const mayBegin = ({ id }: ScheduledJob): boolean =>
    !running.has(id) && clock.monotonicMs() - (endedAt.get(id) ?? Number.NEGATIVE_INFINITY) >= LOOK_MS;

  const run = async (job: ScheduledJob): Promise<void> => {
    try {
      const { kind } = await job.run(releaseNow.signal);
      if (kind === 'release') released += 1;
    } catch (err) {
      report('job crashed', { queue: 'maintenance', job: job.id, err, againInMs: LOOK_MS });
    } finally {
      running.delete(job.id);
      finished += 1;
      lastFinishedAt = clock.monotonicMs();
      endedAt.set(job.id, lastFinishedAt);
      waiting.abort();
    }
  };

  const look = async (): Promise<void> => {
    if (await isPaused()) return;
    for (const job of jobs) {
      if (stopped.signal.aborted || running.size >= concurrency) return;
      if (mayBegin(job) && (await isDue(job))) running.set(job.id, run(job));
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
      const grace = startGrace(clock, graceMs, () => releaseNow.abort(new Error('shutdown')));
      await Promise.all(running.values());
      await grace.over();
      return released;
    },
  };
}
