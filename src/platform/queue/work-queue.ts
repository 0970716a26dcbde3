import { Queue } from 'bullmq';
import { WavspoolError } from '../../domain/faults.ts';
import { within, type Clock } from '../runtime/index.ts';
import { addMethods, type Adding } from './adding.ts';
import { ageMethods, type Ages } from './ages.ts';
import type { Payload } from './jobs.ts';
import { redisFault, type RedisConnection } from '../redis/index.ts';
import { removeFailed } from './remove-failed.ts';
import { queueName, type QueueKind, type SiteKeys } from './names.ts';
import { scheduleMethods, type Schedules } from './schedules.ts';

/** A producer does not wait longer for Redis; what it could not add, the rescan adds. */
const DEADLINE_MS = 30_000;

export interface QueueCounts {
  readonly waiting: number;
  readonly active: number;
  readonly delayed: number;
  readonly failed: number;
  readonly completed: number;
}

/**
 * One queue, seen from those who give it work. Every method throws REDIS_UNREACHABLE when Redis does not answer in time, and
 * REDIS_REFUSES when it answers that it does not do it.
 */
export interface WorkQueue<K extends QueueKind> extends Adding<K>, Schedules<K>, Ages<K> {
  readonly kind: K;
  readonly name: string;
  /** For Bull Board only. */
  readonly bull: Queue;
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

  const inTime = async <T>(what: string, promise: Promise<T>): Promise<T> => {
    try {
      return await within(clock, DEADLINE_MS, promise, () => {
        const message = `Redis did not answer within ${DEADLINE_MS / 1000} s (${what} ${name})`;
        return new WavspoolError('REDIS_UNREACHABLE', message);
      });
    } catch (error) {
      throw redisFault(error) ?? error;
    }
  };

  return {
    kind,
    name,
    bull,
    ...addMethods<K>(kind, bull, redis, inTime),
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
