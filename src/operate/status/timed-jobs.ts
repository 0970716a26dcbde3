import type { Heartbeat } from '../../platform/queue/index.ts';
import { parseTime } from '../../platform/runtime/index.ts';
import type { Pause } from './queues.ts';
import type { ScheduleStatus } from '../../maintenance/catalogue/index.ts';
import type { QueueStatus } from '../health/index.ts';

/**
 * The maintenance queue of a host without Redis, as its journal and its roles tell it at `now` (ms since 1970): what is due waits,
 * what has failed and is due again is delayed.
 */
export function timedJobs(
  schedules: readonly ScheduleStatus[],
  roles: readonly Heartbeat[],
  pause: Pause | undefined,
  now: number,
): QueueStatus {
  const workers = roles.flatMap(({ role, jobs }) => (role === 'maintain' ? (jobs ?? []) : []));
  const sum = (of: (jobs: NonNullable<Heartbeat['jobs']>) => number): number =>
    workers.reduce((all, jobs) => all + of(jobs), 0);
  const due = schedules.filter(({ dueAt, last }) => dueAt !== null && last?.outcome !== 'running');
  const failed = schedules.filter(({ last }) => last?.outcome === 'failed');
  const waiting = due.filter((one) => !failed.includes(one));
  const active = sum((jobs) => jobs.active);
  const begun = schedules.flatMap(({ last }) =>
    last?.outcome === 'running' && active > 0 ? now - parseTime(last.at) : [],
  );
  const oldestWaitingMs = longest(
    waiting.flatMap(({ dueAt }) => (dueAt === null ? [] : now - parseTime(dueAt))),
  );
  const oldestActiveMs = longest(begun);
  return {
    waiting: waiting.length,
    active,
    delayed: due.length - waiting.length,
    failed: failed.length,
    completed: sum((jobs) => jobs.finished),
    paused: pause !== undefined,
    ...(oldestWaitingMs !== undefined && { oldestWaitingMs }),
    ...(oldestActiveMs !== undefined && { oldestActiveMs }),
    ...pause,
  };
}

function longest(ages: readonly number[]): number | undefined {
  return ages.length === 0 ? undefined : Math.max(0, ...ages);
}
