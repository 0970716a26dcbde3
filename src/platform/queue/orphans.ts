import { Job, type Worker } from 'bullmq';
import { isGone, ownIdentity } from '../linux/index.ts';
import type { RedisConnection } from '../redis/index.ts';
import type { Clock } from '../runtime/index.ts';

// BullMQ gives a dead worker's jobs to others when their locks run out, a minute after it was killed. A worker that is started in its
// place on the same host can see at once that the process is gone.

/** The register of a queue's workers: which process each of them is in. */
const REGISTER = 'workers';
/** A worker of another host or container is forgotten after this long; its jobs then come back when their locks run out. */
const FORGET_MS = 30 * 24 * 60 * 60 * 1000;

interface Registered {
  readonly process: string;
  /** ms since 1970. */
  readonly at: number;
}

/** Notes which process the worker is in. */
export async function register(worker: Worker, redis: RedisConnection, clock: Clock): Promise<void> {
  const entry: Registered = { process: ownIdentity(), at: clock.now() };
  await redis.hset(worker.toKey(REGISTER), worker.id, JSON.stringify(entry));
}

/**
 * Puts the jobs of workers whose process is gone back to where they came from, and returns how many. A job of a process that
 * stands still, or that cannot be seen from here, is left to its lock. Safe to repeat.
 */
export async function reclaimOrphans(worker: Worker, redis: RedisConnection, clock: Clock): Promise<number> {
  const registered = await redis.hgetall(worker.toKey(REGISTER));
  const entries = Object.entries(registered).map(
    ([id, text]) => [id, JSON.parse(text) as Registered] as const,
  );
  const gone = new Set(entries.filter(([, entry]) => isGone(entry.process)).map(([id]) => id));
  const reclaimed = gone.size === 0 ? 0 : await putBack(worker, redis, gone);
  const stale = entries.filter(([id, { at }]) => gone.has(id) || clock.now() - at > FORGET_MS);
  if (stale.length > 0) await redis.hdel(worker.toKey(REGISTER), ...stale.map(([id]) => id));
  return reclaimed;
}

async function putBack(worker: Worker, redis: RedisConnection, gone: ReadonlySet<string>): Promise<number> {
  let reclaimed = 0;
  for (const id of await redis.lrange(worker.toKey('active'), 0, -1)) {
    const lock = `${worker.toKey(id)}:lock`;
    const token = await redis.get(lock);
    // BullMQ's tokens are the worker's id and a number
    if (token === null || !gone.has(token.slice(0, token.lastIndexOf(':')))) continue;
    const job = await Job.fromId(worker, id);
    if (job === undefined) continue;
    try {
      await job.moveToWait(token);
      reclaimed += 1;
    } catch (error) {
      if ((await redis.get(lock)) === token) throw error;
      // another worker that was started at the same time was quicker
    }
  }
  return reclaimed;
}
