import { Queue } from 'bullmq';
import type { Redis } from 'ioredis';
import type { Settings } from '../config/index.ts';
import type { Report } from '../../domain/events.ts';
import type { Clock } from '../runtime/index.ts';
import { impatientConnection, patientConnection } from './connection.ts';
import { keepDelays } from './delays.ts';
import { PREFIX, queueNames, type QueueKind } from './names.ts';
import { openShared, type Shared } from './shared.ts';
import { openWorkQueue, type WorkQueue } from './work-queue.ts';
import { startWorker, type RunningWorker, type WorkerOptions } from './worker.ts';

/** The queues of one site on one Redis, and what its processes tell each other there. */
export interface Queues {
  readonly extract: WorkQueue<'extract'>;
  readonly upload: WorkQueue<'upload'>;
  readonly maintenance: WorkQueue<'maintenance'>;
  readonly shared: Shared;
  work<K extends QueueKind>(
    options: Omit<WorkerOptions<K>, 'site' | 'redis' | 'clock' | 'report'>,
  ): RunningWorker;
  /** For Bull Board: the queues of every site in this Redis, this site's first. Throws what Redis says. */
  ofEverySite(): Promise<readonly Queue[]>;
  /**
   * Calls `listener` whenever Redis is there again after its connection was lost, as after a fail-over: it may have forgotten what
   * was added last (P2).
   */
  onReturn(listener: () => void): void;
  /** `INFO`, for `doctor`. */
  info(): Promise<string>;
  configValue(name: string): Promise<string | undefined>;
  close(): Promise<void>;
}

type QueueSettings = Pick<Settings, 'site' | 'redis' | 'paths'>;

/** For a role: waits for Redis as long as it takes, and through every outage. */
export function openQueues(settings: QueueSettings, report: Report, clock: Clock): Queues {
  return queuesOn(patientConnection(settings, report, clock), settings, report, clock);
}

/** For a command: throws REDIS_UNREACHABLE within seconds. */
export async function openQueuesNow(settings: QueueSettings, report: Report, clock: Clock): Promise<Queues> {
  return queuesOn(await impatientConnection(settings), settings, report, clock);
}

function queuesOn(redis: Redis, settings: QueueSettings, report: Report, clock: Clock): Queues {
  const { site } = settings;
  const extract = openWorkQueue(site, 'extract', redis, clock);
  const upload = openWorkQueue(site, 'upload', redis, clock);
  const maintenance = openWorkQueue(site, 'maintenance', redis, clock);
  const own = [extract, upload, maintenance];
  const others = new Map<string, Queue>();
  return {
    extract,
    upload,
    maintenance,
    ofEverySite: async () => {
      for (const name of await queueNames(redis)) {
        if (own.some((queue) => queue.name === name) || others.has(name)) continue;
        const queue = new Queue(name, { connection: redis, prefix: PREFIX });
        queue.on('error', () => undefined); // the connection's own listener has reported it
        others.set(name, queue);
      }
      const found = [...others.values()].toSorted((a, b) => (a.name < b.name ? -1 : 1));
      return [...own.map(({ bull }) => bull), ...found];
    },
    shared: openShared(site, redis, clock),
    work: (options) => {
      const worker = startWorker({ ...options, site, redis, clock, report });
      // a schedule's next run is due at a time of day, whatever the clock says meanwhile
      if (options.kind === 'maintenance') return worker;
      const { bull } = options.kind === 'extract' ? extract : upload;
      const stopped = new AbortController();
      void keepDelays(bull, redis, clock, report, stopped.signal);
      return {
        ...worker,
        stop: (graceMs) => {
          stopped.abort();
          return worker.stop(graceMs);
        },
      };
    },
    onReturn: (listener) => {
      let lost = false;
      redis.on('close', () => {
        lost = true;
      });
      redis.on('ready', () => {
        if (lost) listener();
        lost = false;
      });
    },
    info: () => redis.info(),
    configValue: async (name) => {
      const reply = await redis.config('GET', name);
      return Array.isArray(reply) ? String(reply[1]) : undefined;
    },
    close: async () => {
      await Promise.all([...own, ...others.values()].map((queue) => queue.close()));
      redis.disconnect();
    },
  };
}
