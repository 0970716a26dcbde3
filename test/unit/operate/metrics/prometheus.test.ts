import { expect, test } from 'vitest';
import { METRICS_CONTENT_TYPE, prometheusText } from '../../../../src/operate/metrics/index.ts';
import type { Status } from '../../../../src/operate/status/index.ts';

const queue = { waiting: 1, active: 2, delayed: 3, failed: 4, completed: 5, paused: false };

const STATUS: Status = {
  site: 'hall "9"',
  at: '2026-11-20T00:00:00Z',
  uses: { recordings: true, store: true, redis: true },
  redis: { available: true },
  recordings: { PENDING: 10, SUCCESS: 20, FAILED: 30, givenUp: 3, givenUpSince: null, pendingBytes: 999 },
  tars: { extracted: 7, failed: 1, givenUp: 1, givenUpSince: null },
  causes: [{ cause: 'conflict', recordings: 30 }],
  queues: { extract: queue, upload: { ...queue, paused: true }, maintenance: queue },
  rates: { recordingsLastMinute: 1, recordingsLastHour: 2 },
  state: { path: '/data/state.db', fault: null, check: null },
  oldestWaiting: { tar: '/a.tar', ageSeconds: 90 },
  store: { available: false },
  disk: {
    incoming: { path: '/in', freeBytes: 11, totalBytes: 12, freeInodes: 13, totalInodes: 14 },
    extracted: null,
    state: null,
    '/in': { path: '/in', freeBytes: 11, totalBytes: 12, freeInodes: 13, totalInodes: 14 },
    '/copies': { path: '/copies', freeBytes: 21, totalBytes: 22, freeInodes: 23, totalInodes: 24 },
    '/none': null,
  },
  limits: { minFreeBytes: 1, maxBacklog: { recordings: 1, bytes: 1 } },
  needs: [],
  verdict: {
    alive: true,
    attention: [
      { id: 'store-away', since: null, what: 'Away.', effect: 'None.', remedy: 'Wait.', command: null },
    ],
    held: [{ what: 'upload', cause: 'storage', reason: 'away: 503', since: null, count: 10 }],
  },
  roles: [1, 2].map((pid) => ({
    role: 'upload',
    host: 'here',
    pid,
    startedAt: 0,
    at: 0,
    rssBytes: 100,
    peakRssBytes: 200,
    cpuMs: 1500,
    loopMaxMs: 250,
    loopRecentMs: 10,
    counters: { recordingsUploaded: pid, 'tar.failed': 0 },
  })),
  snapshots: {},
  schedules: [],
  copies: [],
  logs: [],
  pointInTime: {},
};

test('spells every figure with its site', async () => {
  const lines = (await prometheusText(STATUS)).split('\n');
  const site = String.raw`site="hall \"9\""`;
  expect(lines).toEqual(
    expect.arrayContaining([
      `wavspool_alive{${site}} 1`,
      `wavspool_needs_attention{${site}} 1`,
      `wavspool_problem{id="store-away",${site}} 1`,
      `wavspool_held{what="upload",cause="storage",${site}} 10`,
      `wavspool_recordings{status="FAILED",${site}} 30`,
      `wavspool_recordings_failed{cause="conflict",${site}} 30`,
      `wavspool_tars{state="failed",${site}} 1`,
      `wavspool_queue_jobs{queue="upload",state="delayed",${site}} 3`,
      `wavspool_queue_paused{queue="upload",${site}} 1`,
      `wavspool_store_available{${site}} 0`,
      `wavspool_oldest_waiting_seconds{${site}} 90`,
      `wavspool_disk_free_bytes{path="/in",${site}} 11`,
      `wavspool_disk_free_bytes{path="/copies",${site}} 21`,
      `wavspool_role_up{role="upload",host="here",pid="2",${site}} 1`,
      `wavspool_role_cpu_seconds{role="upload",host="here",pid="1",${site}} 1.5`,
      `wavspool_event_loop_delay_max_seconds{role="upload",host="here",pid="1",${site}} 0.25`,
      `wavspool_recordings_uploaded_total{role="upload",host="here",pid="2",${site}} 2`,
      `wavspool_tar_failed_total{role="upload",host="here",pid="1",${site}} 0`,
    ]),
  );
  expect(METRICS_CONTENT_TYPE).toContain('text/plain');
});

test('forgets a role that is gone', async () => {
  await prometheusText(STATUS);
  expect(await prometheusText({ ...STATUS, roles: [] })).not.toContain('pid="1"');
});

test('what has no value is absent: an age of a snapshot that was never taken is not 0', async () => {
  const nothing = { ...STATUS, oldestWaiting: null, causes: [], snapshots: { shop: null } };
  const job = { job: 'snapshot shop daily', next: STATUS.at, dueAt: null, overdue: false };
  const schedules = [{ ...job, last: null, lastGood: null }];
  const text = await prometheusText({ ...nothing, schedules });
  for (const name of [
    'snapshot_age_seconds',
    'oldest_waiting_seconds',
    'job_last_success_timestamp_seconds',
    'job_failed',
    'point_in_time_lag_seconds',
    'log_rotated_timestamp_seconds',
    'recordings_failed',
  ])
    expect(text).not.toContain(`wavspool_${name}`);
});

test('what a process takes is told once, however many roles are in it', async () => {
  const [watch, maintain] = ['watch', 'maintain'].map((role) => ({ ...STATUS.roles[0]!, role }));
  const lines = (await prometheusText({ ...STATUS, roles: [watch!, maintain!] })).split('\n');
  expect(lines.filter((line) => line.startsWith('wavspool_role_up'))).toHaveLength(2);
  expect(lines.filter((line) => line.startsWith('wavspool_role_rss_bytes'))).toHaveLength(1);
});
