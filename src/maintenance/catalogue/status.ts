import { isoTime, parseTime, type Clock } from '../../platform/runtime/index.ts';
import type { Run } from '../../domain/run-log.ts';
import { missedSince, nextRun, type Job, type Journal } from '../../platform/jobs/index.ts';
import type { DatabaseStatus, MaintenanceStatus, ScheduleStatus } from './maintenance-status.ts';
import { copiesStatus } from './copies-status.ts';
import type { Maintenance } from './maintenance.ts';
import { pointInTimeStatus } from './point-in-time-job.ts';
import { logStatus } from './rotate-job.ts';
import type { SnapshotResult } from './snapshot-job.ts';

/** A run that a busy host, or another job that it must not meet, has delayed for so long is overdue. */
const LATE_MS = 15 * 60_000;
const LONGEST_RUN_MS = 24 * 60 * 60_000;

/** The last snapshot of each database, each schedule with its last and next run, and how each log was rotated last. */
export async function maintenanceStatus(
  maintenance: Maintenance,
  jobs: readonly Job[],
): Promise<MaintenanceStatus> {
  const { databases, clock, journal, timezone } = maintenance;
  const snapshots = databases.map(async ({ name, snapshots }): Promise<[string, DatabaseStatus | null]> => {
    const last = await Promise.all(
      snapshots.map((schedule) => journal.last(`snapshot ${name} ${schedule.name}`, clock.now())),
    );
    return [
      name,
      lastSnapshot(
        last.flatMap(({ good }) => good ?? []),
        clock,
      ),
    ];
  });
  const schedules = (
    await Promise.all(jobs.map((job) => scheduleStatus(job, { clock, journal, timezone })))
  ).flat();
  return {
    snapshots: Object.fromEntries(await Promise.all(snapshots)),
    copies: await copiesStatus(maintenance, schedules),
    schedules,
    pointInTime: await pointInTimeStatus(maintenance),
    logs: await logStatus(maintenance),
  };
}

function lastSnapshot(runs: readonly Run[], clock: Clock): DatabaseStatus | null {
  const last = runs.toSorted((a, b) => b.startedAt - a.startedAt)[0];
  if (last?.result === undefined) return null;
  const { at, path, bytes, schedule, verified } = last.result as unknown as SnapshotResult;
  const ageSeconds = Math.round((clock.now() - parseTime(at)) / 1000);
  return { at, ageSeconds, path, bytes, schedule, verified };
}

async function scheduleStatus(
  job: Job,
  { clock, journal, timezone }: { clock: Clock; journal: Journal; timezone: string },
): Promise<ScheduleStatus[]> {
  const { id, when } = job;
  if (when === undefined) return [];
  const now = clock.now();
  const { run, good } = await journal.last(id, now);
  const past = await journal.past(id, now, timezone);
  // one that looks every few minutes whether it is needed was not needed most of the time
  const dueAt =
    'everyMs' in when && job.isNeeded !== undefined
      ? undefined
      : missedSince(when, timezone, now, { since: past.since, goodAt: good?.startedAt });
  return [
    {
      job: id,
      ...('cron' in when ? { cron: when.cron } : { everySeconds: when.everyMs / 1000 }),
      next: isoTime(nextRun(when, timezone, now, past)),
      dueAt: dueAt === undefined ? null : isoTime(dueAt),
      overdue: await isOverdue(job, dueAt, run, now),
      last: run === undefined ? null : asLast(run),
      lastGood: good === undefined ? null : isoTime(good.endedAt ?? good.startedAt),
    },
  ];
}

/** One that runs is not overdue, unless it has run for so long that its process must have died. */
async function isOverdue(
  { isNeeded }: Job,
  dueAt: number | undefined,
  run: Run | undefined,
  now: number,
): Promise<boolean> {
  if (dueAt === undefined || now - dueAt < LATE_MS) return false;
  if (run?.outcome === 'running' && now >= run.startedAt && now - run.startedAt < LONGEST_RUN_MS)
    return false;
  return isNeeded === undefined || isNeeded();
}

function asLast({ by, startedAt, endedAt, outcome, reason }: Run): ScheduleStatus['last'] {
  return {
    at: isoTime(startedAt),
    by,
    outcome,
    ...(endedAt !== undefined && { ms: endedAt - startedAt }),
    ...(reason !== undefined && { reason }),
  };
}
