import { Queue } from 'bullmq';
import type { Settings } from '../config/index.ts';
import type { Report } from '../../domain/events.ts';
import {
  impatientConnection,
  onReturnOf,
  patientConnection,
  redisNodes,
  type RedisConnection,
  type RedisNode,
} from '../redis/index.ts';
import type { Heartbeat } from '../presence/index.ts';
import type { Clock } from '../runtime/index.ts';
import { keepDelays } from './delays.ts';
import { queuesThere, siteKeys, sitesOf, type QueueKind, type SiteKeys } from './names.ts';
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
    options: Omit<WorkerOptions<K>, keyof SiteKeys | 'redis' | 'clock' | 'report'>,
  ): RunningWorker;
  /** For Bull Board: the queues of every site in this Redis, this site's first. Throws what Redis says. */
  ofEverySite(): Promise<readonly Queue[]>;
  /** Who is at work for the other sites in this Redis. Throws what Redis says, as when its user may not see them. */
  otherSites(): Promise<readonly { readonly site: string; readonly heartbeats: readonly Heartbeat[] }[]>;
  /**
   * Calls `listener` whenever Redis is there again after its connection was lost, as after a fail-over: it may have forgotten what
   * was added last (P2).
   */
  onReturn(listener: () => void): void;
  /** Every server behind the address, for `doctor`. Throws what Redis says. */
  nodes(): Promise<readonly RedisNode[]>;
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

function queuesOn(redis: RedisConnection, settings: QueueSettings, report: Report, clock: Clock): Queues {
  const isCluster = settings.redis.cluster !== undefined;
  const keys = siteKeys(settings.site, isCluster);
  const extract = openWorkQueue(keys, 'extract', redis, clock);
  const upload = openWorkQueue(keys, 'upload', redis, clock);
  const maintenance = openWorkQueue(keys, 'maintenance', redis, clock);
  const own = [extract, upload, maintenance];
  const others = new Map<string, Queue>();
  return {
    extract,
    upload,
    maintenance,
    ofEverySite: async () => {
      for (const { name, prefix } of await queuesThere(redis, isCluster)) {
        if (own.some((queue) => queue.name === name) || others.has(name)) continue;
        const queue = new Queue(name, { connection: redis, prefix });
        queue.on('error', () => undefined); // the connection's own listener has reported it
        others.set(name, queue);
      }
      const found = [...others.values()].toSorted((a, b) => (a.name < b.name ? -1 : 1));
      return [...own.map(({ bull }) => bull), ...found];
    },
    otherSites: async () => {
      const sites = sitesOf(await queuesThere(redis, isCluster)).filter((site) => site !== settings.site);
      return Promise.all(
        sites.map(async (site) => ({
          site,
          heartbeats: await openShared(siteKeys(site, isCluster), redis, clock).heartbeats(),
        })),
      );
    },
    shared: openShared(keys, redis, clock),
    work: (options) => {
      const worker = startWorker({ ...options, ...keys, redis, clock, report });
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
    onReturn: (listener) => onReturnOf(redis, listener),
    nodes: () => redisNodes(redis, settings),
    close: async () => {
      await Promise.all([...own, ...others.values()].map((queue) => queue.close()));
      redis.disconnect();
    },
  };
}
