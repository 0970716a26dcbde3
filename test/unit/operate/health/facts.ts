import type { Heartbeat } from '../../../../src/platform/queue/index.ts';
import type { Facts, QueueStatus } from '../../../../src/operate/health/index.ts';
import { heartbeat } from '../../../support/heartbeat.ts';

export const NOW = Date.UTC(2026, 10, 20);
export const HOUR = 3_600_000;

export function queue(changes: Partial<QueueStatus> = {}): QueueStatus {
  return { waiting: 0, active: 0, delayed: 0, failed: 0, completed: 0, paused: false, ...changes };
}

export function beat(role: string, lastFinishedMsAgo: number | null, startedMsAgo = 24 * HOUR): Heartbeat {
  const jobs = { active: 0, finished: 0, lastFinishedMsAgo };
  return heartbeat({ role, startedAt: NOW - startedMsAgo, at: NOW, jobs });
}

export type Changes = Partial<Omit<Facts, 'queues'>> & {
  extract?: Partial<QueueStatus>;
  upload?: Partial<QueueStatus>;
};

export const ROOM = { path: '/data', freeBytes: 1e12, totalBytes: 2e12, freeInodes: 3, totalInodes: 4 };

export function facts({ extract, upload, ...changes }: Changes): Facts {
  return {
    site: 'main',
    at: '2026-11-20T00:00:00Z',
    uses: { recordings: true, store: true, redis: true },
    redis: { available: true },
    recordings: { PENDING: 0, SUCCESS: 0, FAILED: 0, givenUp: 0, givenUpSince: null, pendingBytes: 0 },
    tars: { extracted: 0, failed: 0, givenUp: 0, givenUpSince: null },
    causes: [],
    queues: { extract: queue(extract), upload: queue(upload), maintenance: queue() },
    rates: { recordingsLastMinute: 0, recordingsLastHour: 0 },
    state: { path: '/data/state.db', fault: null, check: null },
    oldestWaiting: null,
    store: { available: true },
    disk: { incoming: ROOM, extracted: ROOM, state: ROOM },
    limits: { minFreeBytes: 1024 ** 3, maxBacklog: { recordings: 200_000, bytes: 50 * 1024 ** 3 } },
    needs: [],
    roles: [],
    snapshots: {},
    schedules: [],
    copies: [],
    logs: [],
    pointInTime: {},
    ...changes,
  };
}
