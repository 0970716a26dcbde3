import type { Queue } from 'bullmq';
import type { Clock } from '../runtime/index.ts';
import type { Payload } from './jobs.ts';
import type { QueueKind } from './names.ts';

/** Work that comes again and again by itself. */
export interface Schedules<K extends QueueKind> {
  /** Adds the work every `everyMs`; safe to repeat. */
  schedule(id: string, everyMs: number, payload: Payload<K>): Promise<void>;
  /** Adds the work at the moments of a cron pattern in `timezone` (IANA); safe to repeat. */
  scheduleCron(id: string, cron: string, timezone: string, payload: Payload<K>): Promise<void>;
  /** Ends every schedule but these. */
  keepSchedules(ids: readonly string[]): Promise<void>;
}

/** A failed run is followed by the schedule's next one, so only the last ones are worth keeping. */
const KEPT_FAILED_RUNS = 100;
const SLACK_MS = 60_000;

/** The schedules of a queue; `inTime` bounds how long a call may wait for Redis. */
export function scheduleMethods<K extends QueueKind>(
  kind: K,
  bull: Queue,
  clock: Pick<Clock, 'now'>,
  inTime: <T>(what: string, promise: Promise<T>) => Promise<T>,
): Schedules<K> {
  const opts = { removeOnFail: { count: KEPT_FAILED_RUNS } };
  return {
    schedule: async (id, everyMs, payload) => {
      // its next run lies further away than one comes after the other: it was noted while the clock was ahead
      const known = await inTime('look into', bull.getJobScheduler(id));
      if (known?.next !== undefined && known.next > clock.now() + everyMs + SLACK_MS)
        await inTime('schedule in', bull.removeJobScheduler(id));
      // `every` keeps an overdue run through an upsert, a cron pattern would lose it
      const upserted = bull.upsertJobScheduler(id, { every: everyMs }, { name: kind, data: payload, opts });
      await inTime('schedule in', upserted);
    },
    scheduleCron: async (id, pattern, tz, payload) => {
      const upserted = bull.upsertJobScheduler(id, { pattern, tz }, { name: kind, data: payload, opts });
      await inTime('schedule in', upserted);
    },
    keepSchedules: async (ids) => {
      const schedulers = await inTime('look into', bull.getJobSchedulers());
      const obsolete = schedulers.map(({ key }) => key).filter((key) => !ids.includes(key));
      for (const key of obsolete) await inTime('schedule in', bull.removeJobScheduler(key));
    },
  };
}
