import { WavspoolError, errnoOf, messageOf } from '../faults.ts';
import { listExports } from '../export/index.ts';
import { listArchives } from '../logrotate/index.ts';
import { keepInWords } from '../retention/index.ts';
import { isoTime } from '../runtime/index.ts';
import { listSnapshots } from '../snapshot/index.ts';
import type { CopiesStatus, ScheduleStatus } from '../status/index.ts';
import type { Host } from './host.ts';

/** What is listed of a copy. */
interface Listed {
  readonly path: string;
  readonly at: number;
  readonly bytes: number;
  readonly verified: boolean;
  readonly doubt?: string | undefined;
  readonly foreign?: string | undefined;
}

interface Kind {
  readonly kind: CopiesStatus['kind'];
  readonly of: string;
  readonly schedule: string;
  readonly job: string;
  readonly directory: string;
  readonly retention: string;
}

/** What each schedule of snapshots, exports and logs has made and keeps: one that is late is not hidden by another's copy. */
export async function copiesStatus(
  host: Host,
  schedules: readonly ScheduleStatus[],
): Promise<readonly CopiesStatus[]> {
  const { journal, clock, timezone } = host;
  const found: CopiesStatus[] = [];
  const add = async (kind: Kind, list: () => Promise<readonly Listed[]>): Promise<void> => {
    const listed = await orFault(list);
    const { run } = journal.last(kind.job, clock.now());
    const next = schedules.find(({ job }) => job === kind.job)?.next;
    const bytes = run?.result?.['bytes'];
    const { job: _job, ...rest } = kind;
    found.push({
      ...rest,
      enabled: true,
      ...counted(listed.copies),
      ...(listed.fault !== undefined && { fault: listed.fault }),
      next: next ?? null,
      last:
        run === undefined
          ? null
          : {
              at: isoTime(run.startedAt),
              outcome: run.outcome,
              ...(typeof bytes === 'number' && { bytes }),
              ...(run.reason !== undefined && { error: run.reason }),
            },
    });
  };
  for (const one of host.databases) {
    for (const { name, dir, keep, ...rest } of one.snapshots) {
      const job = `snapshot ${one.name} ${name}`;
      const kind = { kind: 'snapshot', of: one.name, schedule: name, job, directory: dir } as const;
      const schedule = { name, dir, keep, ...rest };
      await add({ ...kind, retention: keepInWords(keep) }, () => listSnapshots(host, one, schedule));
    }
    for (const entry of one.exports) {
      const job = `export ${one.name} ${entry.name}`;
      const kind = { kind: 'export', of: one.name, schedule: entry.name, job, directory: entry.dir } as const;
      await add({ ...kind, retention: keepInWords(entry.keep) }, () => listExports(host, one, entry));
    }
  }
  for (const entry of host.settings.logs) {
    const retention = entry.rotate === -1 ? 'all' : `the newest ${entry.rotate}`;
    const directory = entry.dir ?? entry.path.slice(0, entry.path.lastIndexOf('/'));
    const kind = { kind: 'log', of: entry.path, schedule: 'rotate', job: `rotate ${entry.path}` } as const;
    await add({ ...kind, directory, retention }, async () =>
      (await listArchives(entry, timezone)).map((one) => ({ ...one, verified: true })),
    );
  }
  return found;
}

/** A directory that cannot be read is that schedule's trouble, not everybody's. */
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

function counted(all: readonly Listed[]): Pick<CopiesStatus, 'count' | 'newest' | 'inDoubt' | 'notOurs'> {
  const own = all.filter(({ foreign }) => foreign === undefined);
  const doubtful = own.filter(({ doubt }) => doubt !== undefined);
  const [newest] = own
    .filter(({ doubt, verified }) => doubt === undefined && verified)
    .toSorted((a, b) => b.at - a.at);
  return {
    count: own.length,
    newest: newest === undefined ? null : { at: isoTime(newest.at), path: newest.path, bytes: newest.bytes },
    inDoubt: doubtful.map(({ path, doubt = '' }) => ({ path, doubt })),
    notOurs: all.length - own.length,
  };
}
