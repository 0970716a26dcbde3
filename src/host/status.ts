import { isoTime, parseTime, type Clock } from '../runtime/index.ts';
import { nextRun, wallClock, type Job, type Journal, type Run } from '../schedule/index.ts';
import type { DatabaseStatus, ScheduleStatus, Status } from '../status/index.ts';
import type { Host } from './host.ts';
import { pointInTimeStatus } from './point-in-time-job.ts';
import { logStatus } from './rotate-job.ts';
import type { SnapshotResult } from './snapshot-job.ts';

/** The last snapshot of each database, each schedule with its last and next run, and how each log was rotated last. */
export async function keepingStatus(
  host: Host,
  jobs: readonly Job[],
): Promise<Pick<Status, 'snapshots' | 'pointInTime' | 'schedules' | 'logs'>> {
  const { databases, clock, journal, timezone } = host;
  const snapshots = databases.map(({ name, snapshots }): [string, DatabaseStatus | null] => {
    const runs = snapshots.flatMap(
      (schedule) => journal.last(`snapshot ${name} ${schedule.name}`).good ?? [],
    );
    return [name, lastSnapshot(runs, clock)];
  });
  return {
    snapshots: Object.fromEntries(snapshots),
    schedules: jobs.flatMap((job) => scheduleStatus(job, { clock, journal, timezone })),
    pointInTime: await pointInTimeStatus(host),
    logs: await logStatus(host),
  };
}

function lastSnapshot(runs: readonly Run[], clock: Clock): DatabaseStatus | null {
  const last = runs.toSorted((a, b) => b.startedAt - a.startedAt)[0];
  if (last?.result === undefined) return null;
  const { at, path, bytes, schedule, verified } = last.result as unknown as SnapshotResult;
  const ageSeconds = Math.round((clock.now() - parseTime(at)) / 1000);
  return { at, ageSeconds, path, bytes, schedule, verified };
}

function scheduleStatus(
  { id, when }: Job,
  { clock, journal, timezone }: { clock: Clock; journal: Journal; timezone: string },
): ScheduleStatus[] {
  if (when === undefined) return [];
  const now = clock.now();
  const { run, good } = journal.last(id);
  const next = nextRun(when, timezone, now, journal.past(id, wallClock(now, timezone)));
  return [
    {
      job: id,
      ...('cron' in when ? { cron: when.cron } : { everySeconds: when.everyMs / 1000 }),
      next: isoTime(next),
      last: run === undefined ? null : asLast(run),
      lastGood: good === undefined ? null : isoTime(good.endedAt ?? good.startedAt),
    },
  ];
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
