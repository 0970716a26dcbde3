import type { Queue } from 'bullmq';
import type { Report } from '../../domain/events.ts';
import type { RedisConnection } from '../redis/index.ts';
import { every, type Clock } from '../runtime/index.ts';

// BullMQ notes when a delayed job is due by the wall clock. When that is set back by an hour, what was due in two seconds is due
// in an hour and two seconds. Each job holds its own delay beside it, so that every process that looks sees it and can begin the delay anew.

const LOOK_MS = 1000;
/** A clock that lost so much against the monotonic one was set back, not slewed. */
const SET_BACK_MS = 500;
/** A job that is due so much later than its delay allows is due by another clock than ours. */
const SLACK_MS = 1000;
const PAGE = 500;
/** BullMQ's score of a delayed job: the time times this, and a count. */
const SCORE_PER_MS = 0x1000;

/**
 * Begins anew the delay of each job that is due later than its delay from now; returns how many. Safe to repeat, and by several
 * processes at once.
 */
export async function renewDelays(bull: Queue, redis: RedisConnection, clock: Clock): Promise<number> {
  let renewed = 0;
  for (let from = 0; ;) {
    const latest = await redis.zrevrange(bull.toKey('delayed'), from, from + PAGE - 1, 'WITHSCORES');
    let kept = 0;
    for (let at = 0; at < latest.length; at += 2) {
      const dueInMs = Number(latest[at + 1]) / SCORE_PER_MS - clock.now();
      const job = dueInMs < SLACK_MS ? undefined : await bull.getJob(latest[at] ?? '');
      if (job === undefined || dueInMs < job.delay + SLACK_MS) {
        kept += 1;
        continue;
      }
      await job.changeDelay(job.delay).catch(unlessStarted);
      renewed += 1;
    }
    if (latest.length < 2 * PAGE) return renewed;
    from += kept; // the renewed ones are due earlier now, and come later here
  }
}

/** It was no longer delayed: an operator had started or removed it. */
function unlessStarted(error: unknown): void {
  if (error instanceof Error && /not in the delayed|Missing key|Missing job/i.test(error.message)) return;
  throw error;
}

/** Renews the delays of a queue's jobs at once, and whenever the wall clock was set back, until the signal aborts. Never rejects. */
export async function keepDelays(
  bull: Queue,
  redis: RedisConnection,
  clock: Clock,
  report: Report,
  signal: AbortSignal,
): Promise<void> {
  const ahead = (): number => clock.now() - clock.monotonicMs();
  let before = ahead();
  let isDue = true; // no process may have looked when it was set back
  const look = async (): Promise<void> => {
    if (ahead() < before - SET_BACK_MS) isDue = true;
    before = ahead();
    if (!isDue) return;
    const jobs = await renewDelays(bull, redis, clock);
    isDue = false; // after a failure it is due still
    if (jobs > 0) report('delays renewed', { queue: bull.name, jobs });
  };
  const failed = (err: unknown, times: number): void =>
    report('delays not renewed', { queue: bull.name, err, times });
  await every(LOOK_MS, look, { clock, signal, failed });
}
