import { expect, test } from 'vitest';
import type { Heartbeat } from '../../../src/queue/index.ts';
import { healthOfRole, judgeHealth, type QueueStatus, type Status } from '../../../src/status/index.ts';

const NOW = Date.UTC(2026, 10, 20);
const HOUR = 3_600_000;

function queue(changes: Partial<QueueStatus> = {}): QueueStatus {
  return { waiting: 0, active: 0, delayed: 0, failed: 0, completed: 0, paused: false, ...changes };
}

function beat(role: string, lastFinishedMsAgo: number | null, startedMsAgo = 24 * HOUR): Heartbeat {
  return {
    role,
    host: 'here',
    pid: 1,
    startedAt: NOW - startedMsAgo,
    at: NOW,
    rssBytes: 0,
    peakRssBytes: 0,
    cpuMs: 0,
    loopMaxMs: 0,
    loopRecentMs: 0,
    jobs: { active: 0, finished: 0, lastFinishedMsAgo },
    counters: {},
  };
}

function status(changes: {
  extract?: Partial<QueueStatus>;
  upload?: Partial<QueueStatus>;
  roles?: Heartbeat[];
  store?: Status['store'];
  schedules?: Status['schedules'];
  pointInTime?: Status['pointInTime'];
}): Status {
  const room = { path: '/data', freeBytes: 1, totalBytes: 2, freeInodes: 3 };
  return {
    site: 'main',
    at: '2026-11-20T00:00:00Z',
    recordings: { PENDING: 0, SUCCESS: 0, FAILED: 0, givenUp: 0, pendingBytes: 0 },
    tars: { extracted: 0, failed: 0 },
    causes: [],
    queues: { extract: queue(changes.extract), upload: queue(changes.upload), maintenance: queue() },
    rates: { recordingsLastMinute: 0, recordingsLastHour: 0 },
    oldestWaiting: null,
    store: changes.store ?? { available: true },
    disk: { incoming: room, extracted: room, state: room },
    roles: changes.roles ?? [],
    snapshots: {},
    schedules: changes.schedules ?? [],
    logs: [],
    pointInTime: changes.pointInTime ?? {},
  };
}

function afterWaiting(ms: number): string {
  return judgeHealth(
    status({ upload: { waiting: 1, oldestWaitingMs: ms }, roles: [beat('upload', ms)] }),
    NOW,
  ).state;
}

const away = {
  available: false,
  cause: 'network',
  message: 'connection refused',
  since: '2026-11-19T00:00:00Z',
};
const stuck = { waiting: 5, oldestWaitingMs: HOUR };

test.each<[string, Parameters<typeof status>[0], string, RegExp | undefined]>([
  ['a site without work is healthy', {}, 'ok', undefined],
  ['work without a role is stalled', { upload: stuck }, 'stalled', /upload has not been heard of for 30 s/],
  ['active work whose role is gone is stalled', { upload: { active: 2 } }, 'stalled', /2 upload jobs/],
  [
    'work that nobody takes is stalled',
    { upload: stuck, roles: [beat('upload', HOUR)] },
    'stalled',
    /none ran for 3600 s/,
  ],
  [
    'a role that never finished anything is stalled',
    { upload: stuck, roles: [beat('upload', null)] },
    'stalled',
    /none ran/,
  ],
  [
    'a role that has just started is not',
    { upload: stuck, roles: [beat('upload', null, 5000)] },
    'ok',
    undefined,
  ],
  [
    'the first work after a quiet night is not',
    { upload: { waiting: 1, oldestWaitingMs: 50 }, roles: [beat('upload', 9 * HOUR)] },
    'ok',
    undefined,
  ],
  [
    'one of two roles that works is enough',
    { upload: stuck, roles: [beat('upload', HOUR), beat('upload', 10)] },
    'ok',
    undefined,
  ],
  [
    'a long tar is not a stall',
    {
      extract: { waiting: 5, active: 2, oldestWaitingMs: HOUR, oldestActiveMs: HOUR / 2 },
      roles: [beat('extract', HOUR / 2)],
    },
    'ok',
    undefined,
  ],
  [
    'uploads that never end are',
    { upload: { active: 64, oldestActiveMs: HOUR }, roles: [beat('upload', HOUR)] },
    'stalled',
    /64 upload jobs run, and none finished for 3600 s/,
  ],
  [
    'the first upload after a quiet night is not',
    { upload: { active: 1, oldestActiveMs: 50 }, roles: [beat('upload', 9 * HOUR)] },
    'ok',
    undefined,
  ],
  [
    'paused work waits on purpose',
    { extract: { ...stuck, paused: true, reason: 'disk swap' } },
    'degraded',
    /extract is paused: disk swap/,
  ],
  [
    'a job that keeps the host and failed is told',
    {
      schedules: [
        {
          job: 'snapshot shop daily',
          next: '2026-11-21T02:00:00Z',
          last: { at: '2026-11-20T02:00:00Z', by: 'schedule', outcome: 'failed', reason: 'the disk is full' },
          dueAt: null,
          overdue: false,
          lastGood: null,
        },
      ],
    },
    'degraded',
    /snapshot shop daily failed: the disk is full/,
  ],
  [
    'so are points in time that cannot be brought back',
    {
      pointInTime: {
        shop: {
          mode: 'pages',
          from: null,
          to: null,
          lagSeconds: 0,
          points: 3,
          bytes: 1,
          gaps: 1,
          damaged: [],
        },
      },
    },
    'degraded',
    /points in time of shop are missing/,
  ],
  [
    'P7: uploads wait on purpose while the store is away',
    { upload: stuck, store: away, roles: [beat('upload', HOUR)] },
    'degraded',
    /connection refused/,
  ],
  [
    'an absent store does not excuse extraction',
    { extract: stuck, store: away, roles: [beat('extract', HOUR)] },
    'stalled',
    /extract jobs wait/,
  ],
])('%s', (_, changes, state, reason) => {
  const health = judgeHealth(status(changes), NOW);
  expect(health.state).toBe(state);
  if (reason === undefined) expect(health.reasons).toEqual([]);
  else expect(health.reasons.join('\n')).toMatch(reason);
});

test('work that nobody takes is stalled after 120 s', () => {
  expect([afterWaiting(120_000), afterWaiting(120_001)]).toEqual(['ok', 'stalled']);
});

test('a directory that does not exist degrades the site', () => {
  const whole = status({});
  expect(judgeHealth({ ...whole, disk: { ...whole.disk, incoming: null } }, NOW)).toEqual({
    state: 'degraded',
    reasons: ['the directory of incoming does not exist'],
  });
});

test('a role is judged by its own queue alone', () => {
  const site = status({
    upload: stuck,
    extract: { paused: true },
    roles: [beat('extract', 10), beat('watch', null), beat('upload', HOUR)],
  });
  expect(healthOfRole(site, 'watch', NOW).state).toBe('ok');
  expect(healthOfRole(site, 'extract', NOW).state).toBe('degraded');
  expect(healthOfRole(site, 'upload', NOW).state).toBe('stalled');
  expect(healthOfRole(site, 'maintain', NOW)).toEqual({
    state: 'stalled',
    reasons: ['maintain has not been heard of for 30 s'],
  });
});
