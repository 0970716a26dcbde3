import { Queue, type JobsOptions } from 'bullmq';
import { WavspoolError } from '../../domain/faults.ts';
import { within, type Clock } from '../runtime/index.ts';
import { ageMethods, type Ages } from './ages.ts';
import type { Payload, QueuedWork } from './jobs.ts';
import type { RedisConnection } from '../redis/index.ts';
import { removeFailed } from './remove-failed.ts';
import { queueName, type QueueKind, type SiteKeys } from './names.ts';
import { scheduleMethods, type Schedules } from './schedules.ts';

/** The largest bulk add: beyond 500 jobs a call gets longer, not quicker. */
const BATCH = 500;
/** A producer does not wait longer for Redis; what it could not add, the rescan adds. */
const DEADLINE_MS = 30_000;

export interface QueueCounts {
  readonly waiting: number;
  readonly active: number;
  readonly delayed: number;
  readonly failed: number;
  readonly completed: number;
}

/** One queue, seen from those who give it work. Every method throws REDIS_UNREACHABLE when Redis does not answer in time. */
export interface WorkQueue<K extends QueueKind> extends Schedules<K>, Ages<K> {
  readonly kind: K;
  readonly name: string;
  /** For Bull Board only. */
  readonly bull: Queue;
  /** Adds what is not there in any state; safe to repeat. */
  add(work: readonly QueuedWork<K>[]): Promise<void>;
  /** As add, but work whose job had finished (completed or failed) starts anew. Returns what was not under way before. */
  ensure(work: readonly QueuedWork<K>[]): Promise<readonly QueuedWork<K>[]>;
  /** As ensure, but work that waits for its retry starts at once. */
  restart(work: readonly QueuedWork<K>[]): Promise<void>;
  /** The ids of those that are waiting, delayed or active. */
  underWay(ids: readonly string[]): Promise<ReadonlySet<string>>;
  state(id: string): Promise<string>;
  counts(): Promise<QueueCounts>;
  pause(): Promise<void>;
  resume(): Promise<void>;
  isPaused(): Promise<boolean>;
  /** Removes those failed jobs of which `isDone` says that their work was done all the same; returns how many. */
  removeFailed(isDone: (payload: Payload<K>) => boolean | Promise<boolean>): Promise<number>;
  /** At most this many jobs run at once, over all processes. */
  limitConcurrency(jobs: number): Promise<void>;
  close(): Promise<void>;
}

/** Opens the queue of that kind on a connection that the caller owns. */
export function openWorkQueue<K extends QueueKind>(
  { site, prefix }: SiteKeys,
  kind: K,
  redis: RedisConnection,
  clock: Clock,
): WorkQueue<K> {
  const name = queueName(site, kind);
  const bull = new Queue(name, { connection: redis, prefix });
  bull.on('error', () => undefined); // the connection's own listener has reported it

  const inTime = <T>(what: string, promise: Promise<T>): Promise<T> =>
    within(clock, DEADLINE_MS, promise, () => {
      const message = `Redis did not answer within ${DEADLINE_MS / 1000} s (${what} ${name})`;
      return new WavspoolError('REDIS_UNREACHABLE', message);
    });

  const eachBatch = async (
    work: readonly QueuedWork<K>[],
    step: (batch: readonly QueuedWork<K>[]) => Promise<unknown>,
  ): Promise<void> => {
    for (let from = 0; from < work.length; from += BATCH) await step(work.slice(from, from + BATCH));
  };

  const addBatch = (batch: readonly QueuedWork<K>[]): Promise<unknown> =>
    bull.addBulk(
      batch.map(({ id, payload, priority, delayMs = 0 }) => {
        const opts: JobsOptions = {
          jobId: id,
          ...(priority > 0 && { priority }),
          ...(delayMs > 0 && { delay: delayMs }),
        };
        return { name: kind, data: payload, opts };
      }),
    );

  /** `finishedOn` of each job, null while it is under way, undefined when there is no such job. */
  const finished = async (ids: readonly string[]): Promise<(string | null | undefined)[]> => {
    const pipeline = redis.pipeline();
    for (const id of ids) pipeline.hmget(bull.toKey(id), 'timestamp', 'finishedOn');
    const replies = (await pipeline.exec()) ?? [];
    return replies.map(([error, reply]) => {
      if (error !== null) throw error;
      const [timestamp, finishedOn] = reply as [string | null, string | null];
      return timestamp === null ? undefined : finishedOn;
    });
  };

  const startAnew = async (
    batch: readonly QueuedWork<K>[],
    isStale: (finishedOn: string | null) => boolean,
  ): Promise<readonly QueuedWork<K>[]> => {
    const ids = batch.map(({ id }) => id);
    // one question for all of what a tar brings, for mostly none of it was ever queued
    const known = await redis.exists(ids.map((id) => bull.toKey(id)));
    const before = known === 0 ? [] : await finished(ids);
    const stale = batch.filter((_, i) => {
      const finishedOn = before[i];
      return finishedOn !== undefined && isStale(finishedOn);
    });
    await Promise.all(stale.map(({ id }) => bull.remove(id))); // an active job is locked and stays: it is under way
    const missing = batch.filter((work, i) => before[i] === undefined || stale.includes(work));
    if (missing.length > 0) await addBatch(missing);
    return missing;
  };

  return {
    kind,
    name,
    bull,
    add: (work) => inTime('add to', eachBatch(work, addBatch)),
    ensure: async (work) => {
      const added: QueuedWork<K>[] = [];
      const step = async (batch: readonly QueuedWork<K>[]): Promise<void> => {
        added.push(...(await startAnew(batch, (finishedOn) => finishedOn !== null)));
      };
      await inTime('add to', eachBatch(work, step));
      return added;
    },
    restart: (work) =>
      inTime(
        'add to',
        eachBatch(work, (batch) => startAnew(batch, () => true)),
      ),
    underWay: async (ids) => {
      const found = new Set<string>();
      const states = await inTime('look into', finished(ids));
      for (const [i, finishedOn] of states.entries()) {
        const id = ids[i];
        if (finishedOn === null && id !== undefined) found.add(id);
      }
      return found;
    },
    state: (id) => inTime('look into', bull.getJobState(id)),
    counts: async () => {
      const counts = await inTime(
        'count',
        bull.getJobCounts('waiting', 'prioritized', 'active', 'delayed', 'failed', 'completed'),
      );
      return {
        waiting: (counts['waiting'] ?? 0) + (counts['prioritized'] ?? 0),
        active: counts['active'] ?? 0,
        delayed: counts['delayed'] ?? 0,
        failed: counts['failed'] ?? 0,
        completed: counts['completed'] ?? 0,
      };
    },
    pause: () => inTime('pause', bull.pause()),
    resume: () => inTime('resume', bull.resume()),
    isPaused: () => inTime('look into', bull.isPaused()),
    limitConcurrency: async (jobs) => {
      await inTime('limit', bull.setGlobalConcurrency(jobs));
    },
    removeFailed: (isDone) => removeFailed<K>(bull, isDone, inTime),
    ...ageMethods<K>(bull, clock, inTime),
    ...scheduleMethods<K>(kind, bull, clock, inTime),
    close: () => bull.close(),
  };
}
