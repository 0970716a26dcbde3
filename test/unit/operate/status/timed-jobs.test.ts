import { expect, test } from 'vitest';
import type { Heartbeat } from '../../../../src/platform/queue/index.ts';
import type { ScheduleStatus } from '../../../../src/maintenance/catalogue/index.ts';
import { timedJobs } from '../../../../src/operate/status/timed-jobs.ts';
import { heartbeat } from '../../../support/heartbeat.ts';

const NOW = Date.UTC(2026, 10, 28, 12);

function iso(secondsAgo: number): string {
  return new Date(NOW - secondsAgo * 1000).toISOString();
}

function schedule(
  dueSecondsAgo: number | null,
  outcome?: 'running' | 'done' | 'failed',
  begunSecondsAgo = 5,
): ScheduleStatus {
  return {
    job: 'snapshot a daily',
    cron: '0 2 * * *',
    next: iso(-3600),
    dueAt: dueSecondsAgo === null ? null : iso(dueSecondsAgo),
    overdue: false,
    last: outcome === undefined ? null : { at: iso(begunSecondsAgo), by: 'schedule', outcome },
    lastGood: null,
  };
}

function role(name: string, active: number, finished: number): Heartbeat {
  const jobs = { active, finished, lastFinishedMsAgo: null };
  return heartbeat({ role: name, startedAt: NOW, at: NOW, ...(name === 'maintain' && { jobs }) });
}

test('nothing is due, nothing waits', () => {
  expect(timedJobs([schedule(null, 'done')], [role('maintain', 0, 7)], undefined, NOW)).toEqual({
    waiting: 0,
    active: 0,
    delayed: 0,
    failed: 0,
    completed: 7,
    paused: false,
  });
});

test('what is due waits, what runs is active, what failed comes again later', () => {
  const schedules = [schedule(30), schedule(90), schedule(600, 'running', 500), schedule(700, 'failed')];
  const roles = [role('maintain', 1, 2), role('maintain', 0, 3), role('dashboard', 9, 9)];
  expect(timedJobs(schedules, roles, undefined, NOW)).toEqual({
    waiting: 2,
    active: 1,
    delayed: 1,
    failed: 1,
    completed: 5,
    paused: false,
    oldestWaitingMs: 90_000,
    oldestActiveMs: 500_000,
  });
});

test('a run whose process has died does not run', () => {
  expect(timedJobs([schedule(600, 'running', 500)], [], undefined, NOW)).not.toHaveProperty('oldestActiveMs');
});

test('a clock that was set back makes no negative age', () => {
  expect(timedJobs([schedule(-50)], [], undefined, NOW).oldestWaitingMs).toBe(0);
});

test('a pause is told with its reason', () => {
  const pause = { reason: 'the disk is being swapped', since: iso(60), until: null };
  expect(timedJobs([], [], pause, NOW)).toMatchObject({ paused: true, ...pause });
});
