import { WavspoolError, errnoOf, messageOf } from '../../domain/faults.ts';
import { effectiveLogs } from '../../platform/config/index.ts';
import { listExports } from '../export/index.ts';
import { listArchives } from '../logrotate/index.ts';
import { listMirrors } from '../mirror/index.ts';
import { keepInWords } from '../retention/index.ts';
import { isoTime } from '../../platform/runtime/index.ts';
import type { Run } from '../../domain/run-log.ts';
import { listSnapshots } from '../snapshot/index.ts';
import type { CopiesStatus, ScheduleStatus } from './maintenance-status.ts';
import type { Maintenance } from './maintenance.ts';

/** What is listed of a copy. */
interface Listed {
  readonly path: string;
  readonly at: number;
  readonly bytes: number;
  readonly verified: boolean;
  readonly damage?: string | undefined;
  readonly doubt?: string | undefined;
  readonly foreign?: string | undefined;
}

/** Something that makes copies by itself, and how to see which it has made. */
interface Maker {
  readonly kind: CopiesStatus['kind'];
  readonly of: string;
  readonly schedule: string;
  readonly job: string;
  readonly cron?: string | undefined;
  readonly on?: string | undefined;
  readonly directory: string;
  readonly retention: string;
  readonly list: () => Promise<readonly Listed[]>;
}

/** What each schedule of snapshots, exports, mirrors and logs has made and keeps: one that is late is not hidden by another's copy. */
export async function copiesStatus(
  maintenance: Maintenance,
  schedules: readonly ScheduleStatus[],
): Promise<readonly CopiesStatus[]> {
  const { journal, clock } = maintenance;
  const found: CopiesStatus[] = [];
  for (const { list, job, cron, on, ...maker } of makersOf(maintenance)) {
    const { copies, fault } = await orFault(list);
    found.push({
      ...maker,
      enabled: cron !== undefined || on !== undefined,
      ...(cron !== undefined && { cron }),
      ...(on !== undefined && { on }),
      ...counted(copies),
      ...(fault !== undefined && { fault }),
      next: schedules.find((one) => one.job === job)?.next ?? null,
      last: asLast((await journal.last(job, clock.now())).run),
    });
  }
  return found;
}

function makersOf(maintenance: Maintenance): readonly Maker[] {
  const { settings, timezone } = maintenance;
  return [
    ...maintenance.databases.flatMap((one) => [
      ...one.snapshots.map((schedule) => ({
        kind: 'snapshot' as const,
        of: one.name,
        schedule: schedule.name,
        job: `snapshot ${one.name} ${schedule.name}`,
        cron: schedule.cron,
        on: schedule.on,
        directory: schedule.dir,
        retention: keepInWords(schedule.keep),
        list: () => listSnapshots(maintenance, one, schedule),
      })),
      ...one.exports.map((entry) => ({
        kind: 'export' as const,
        of: one.name,
        schedule: entry.name,
        job: `export ${one.name} ${entry.name}`,
        cron: entry.cron,
        directory: entry.dir,
        retention: keepInWords(entry.keep),
        list: () => listExports(maintenance, one, entry),
      })),
    ]),
    ...settings.mirrors.map((mirror) => ({
      kind: 'mirror' as const,
      of: mirror.name,
      schedule: 'mirror',
      job: `mirror ${mirror.name}`,
      cron: mirror.cron,
      directory: mirror.dir,
      retention: keepInWords(mirror.keep),
      // what its files hold: to tell what a date has to itself, each of its files would have to be looked at
      list: async () =>
        (await listMirrors(mirror, maintenance)).map((one) => ({ ...one, bytes: one.apparentBytes ?? 0 })),
    })),
    ...effectiveLogs(settings).map((entry) => ({
      kind: 'log' as const,
      of: entry.path,
      schedule: 'rotate',
      job: `rotate ${entry.path}`,
      cron: entry.cron,
      directory: entry.dir ?? entry.path.slice(0, entry.path.lastIndexOf('/')),
      retention: entry.rotate === -1 ? 'all' : `the newest ${entry.rotate}`,
      list: async () => (await listArchives(entry, timezone)).map((one) => ({ ...one, verified: true })),
    })),
  ];
}

function asLast(run: Run | undefined): CopiesStatus['last'] {
  if (run === undefined) return null;
  const { startedAt, endedAt, outcome, reason, result } = run;
  const bytes = result?.['bytes'];
  return {
    at: isoTime(startedAt),
    outcome,
    ...(endedAt !== undefined && { ms: endedAt - startedAt }),
    ...(typeof bytes === 'number' && { bytes }),
    ...(reason !== undefined && { error: reason }),
  };
}

/** A directory that cannot be read is that schedule's trouble alone. */
async function orFault(
  list: () => Promise<readonly Listed[]>,
): Promise<{ readonly copies: readonly Listed[]; readonly fault?: string }> {
  try {
    return { copies: await list() };
  } catch (error) {
    if (!(error instanceof WavspoolError) && errnoOf(error) === undefined) throw error;
    return { copies: [], fault: messageOf(error) };
  }
}

function counted(
  all: readonly Listed[],
): Pick<CopiesStatus, 'count' | 'newest' | 'inDoubt' | 'damaged' | 'notOurs'> {
  const own = all.filter(({ foreign }) => foreign === undefined);
  const doubtful = own.filter(({ doubt }) => doubt !== undefined);
  const [newest] = own
    .filter(({ doubt, verified }) => doubt === undefined && verified)
    .toSorted((a, b) => b.at - a.at);
  return {
    count: own.length,
    newest: newest === undefined ? null : { at: isoTime(newest.at), path: newest.path, bytes: newest.bytes },
    inDoubt: doubtful.map(({ path, doubt = '' }) => ({ path, doubt })),
    damaged: own.flatMap(({ path, damage }) => (damage === undefined ? [] : [{ path, damage }])),
    notOurs: all.length - own.length,
  };
}
