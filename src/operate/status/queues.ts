import type { FaultCode } from '../../domain/faults.ts';
import type { Heartbeat, QueueKind, Queues, StoreOutage } from '../../platform/queue/index.ts';
import { isoTime } from '../../platform/runtime/index.ts';
import type { Facts, QueueStatus } from '../health/index.ts';

/** Why an operator paused something. */
export interface Pause {
  readonly reason: string;
  readonly since: string;
  readonly until: string | null;
}

/** What an operator paused, and why. */
export type Pauses = () => Promise<Readonly<Partial<Record<QueueKind, Pause | undefined>>>>;

/** What Redis knows of a site. */
export interface QueueFacts {
  readonly queues: Readonly<Record<QueueKind, Omit<QueueStatus, 'reason' | 'since' | 'until'>>>;
  readonly oldestWaiting: Facts['oldestWaiting'];
  readonly store: Facts['store'];
  readonly landing: Facts['landing'];
  readonly roles: readonly Heartbeat[];
}

/** Asks Redis for everything at once, and whether it takes work. Throws REDIS_UNREACHABLE or what it refuses with, or waits for Redis as long as its connection does. */
export async function lookAtQueues(queues: Pick<Queues, QueueKind | 'shared'>): Promise<QueueFacts> {
  const [store, roles, landing, waiting, extract, upload, maintenance] = await Promise.all([
    queues.shared.store(),
    queues.shared.heartbeats(),
    queues.shared.landing(),
    queues.extract.oldestWaiting(),
    lookAt(queues, 'extract'),
    lookAt(queues, 'upload'),
    lookAt(queues, 'maintenance'),
    queues.shared.requireWrites(),
  ]);
  return {
    queues: { extract, upload, maintenance },
    oldestWaiting:
      waiting === undefined
        ? null
        : { tar: waiting.payload.tar, ageSeconds: Math.round(waiting.waitingMs / 1000) },
    store: storeStatus(store),
    landing,
    roles,
  };
}

async function lookAt(
  queues: Pick<Queues, QueueKind>,
  kind: QueueKind,
): Promise<QueueFacts['queues'][QueueKind]> {
  const [counts, paused, oldest, activeMs] = await Promise.all([
    queues[kind].counts(),
    queues[kind].isPaused(),
    queues[kind].oldestWaiting(),
    queues[kind].oldestActiveMs(),
  ]);
  return {
    ...counts,
    paused,
    ...(oldest !== undefined && { oldestWaitingMs: oldest.waitingMs }),
    ...(activeMs !== undefined && { oldestActiveMs: activeMs }),
  };
}

function storeStatus({
  outage,
  reachedAt,
}: {
  readonly outage: StoreOutage | undefined;
  readonly reachedAt: number | undefined;
}): Facts['store'] {
  if (outage === undefined) return { available: true, ...(reachedAt !== undefined && { reached: true }) };
  const { cause, message, since } = outage;
  return { available: false, reached: reachedAt !== undefined, cause, message, since: isoTime(since) };
}

/** What a question to Redis gave, or why there is no answer. Throws what is no fault of Redis'. */
export async function unlessAway(
  ask: () => Promise<QueueFacts>,
): Promise<QueueFacts | { readonly fault: { readonly code: FaultCode; readonly message: string } }> {
  try {
    return await ask();
  } catch (error) {
    // it brings ioredis with it, which a host without Redis never needs
    const { redisFault } = await import('../../platform/redis/index.ts');
    const fault = redisFault(error);
    if (fault === undefined) throw error;
    return { fault: { code: fault.code, message: fault.message } };
  }
}
