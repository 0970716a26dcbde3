import type { JobsOptions, Queue } from 'bullmq';
import type { RedisConnection } from '../redis/index.ts';
import type { QueuedWork } from './jobs.ts';
import type { QueueKind } from './names.ts';

/** How work gets into a queue. All of it is safe to repeat, for the id of a job derives from its work. */
export interface Adding<K extends QueueKind> {
  /** Adds what is not there in any state. */
  add(work: readonly QueuedWork<K>[]): Promise<void>;
  /** As add, but work whose job had finished (completed or failed) starts anew. Returns what was not under way before. */
  ensure(work: readonly QueuedWork<K>[]): Promise<readonly QueuedWork<K>[]>;
  /** As ensure, but work that waits for its retry starts at once. */
  restart(work: readonly QueuedWork<K>[]): Promise<void>;
  /** The ids of those that are waiting, delayed or active. */
  underWay(ids: readonly string[]): Promise<ReadonlySet<string>>;
}

/** The largest bulk add: beyond 500 jobs a call gets longer, not quicker. */
const BATCH = 500;

/** Adds to a queue; `inTime` bounds how long a call may wait for Redis. */
export function addMethods<K extends QueueKind>(
  kind: K,
  bull: Queue,
  redis: RedisConnection,
  inTime: <T>(what: string, promise: Promise<T>) => Promise<T>,
): Adding<K> {
  const addBatch = (batch: readonly QueuedWork<K>[]): Promise<unknown> =>
    bull.addBulk(batch.map((work) => ({ name: kind, data: work.payload, opts: optionsOf(work) })));

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
    add: (work) => inTime('add to', inBatches(work, addBatch)),
    ensure: async (work) => {
      const added: QueuedWork<K>[] = [];
      const step = async (batch: readonly QueuedWork<K>[]): Promise<void> => {
        added.push(...(await startAnew(batch, (finishedOn) => finishedOn !== null)));
      };
      await inTime('add to', inBatches(work, step));
      return added;
    },
    restart: (work) =>
      inTime(
        'add to',
        inBatches(work, (batch) => startAnew(batch, () => true)),
      ),
    underWay: async (ids) => {
      const states = await inTime('look into', finished(ids));
      return new Set(ids.filter((_, i) => states[i] === null));
    },
  };
}

async function inBatches<T>(
  work: readonly T[],
  step: (batch: readonly T[]) => Promise<unknown>,
): Promise<void> {
  for (let from = 0; from < work.length; from += BATCH) await step(work.slice(from, from + BATCH));
}

function optionsOf<K extends QueueKind>({ id, priority, delayMs = 0 }: QueuedWork<K>): JobsOptions {
  return { jobId: id, ...(priority > 0 && { priority }), ...(delayMs > 0 && { delay: delayMs }) };
}
