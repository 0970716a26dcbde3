import { roundedSize } from '../../platform/runtime/index.ts';
import type { DiskStatus, Facts } from './facts.ts';
import type { Problem } from './types.ts';

/** The directories that recordings pass through: without room in one of them extraction waits. */
export const WORK_DIRECTORIES = ['incoming', 'extracted', 'state'] as const;

/** What is wrong with the disks, the jobs that keep the host, and what can be brought back. */
export function problemsOfHost(facts: Facts): readonly Problem[] {
  return [
    ...disks(facts),
    ...schedules(facts),
    ...copiesInDoubt(facts),
    ...damagedCopies(facts),
    ...pointsInTime(facts),
    ...pointsOffsite(facts),
  ];
}

function disks({ disk, uses, limits: { minFreeBytes } }: Facts): Problem[] {
  // a copy that finds no room fails, which is told of its job
  const missing = WORK_DIRECTORIES.flatMap((name) => (disk[name] === null ? missingDirectory(name) : []));
  const low = WORK_DIRECTORIES.flatMap((name) => disk[name] ?? []).filter(
    (room) => room.freeBytes < minFreeBytes || hasNoInodes(room),
  );
  // directories of one disk are told of once
  const bySize = Map.groupBy(low, (room) => room.totalBytes);
  return [...missing, ...[...bySize.values()].map((rooms) => lowDisk(rooms, minFreeBytes, uses.recordings))];
}

function missingDirectory(name: string): Problem {
  return {
    id: `directory-missing:${name}`,
    since: null,
    what: `The directory of paths.${name} does not exist, or its disk is not mounted.`,
    effect: name === 'incoming' ? 'No tar can land.' : 'What belongs there is neither written nor read.',
    remedy: 'Make it or mount its disk, or correct the settings.',
    command: 'wavspool doctor',
  };
}

function lowDisk(rooms: readonly DiskStatus[], minFreeBytes: number, recordings: boolean): Problem {
  const free = Math.min(...rooms.map(({ freeBytes }) => freeBytes));
  const left = rooms.some(hasNoInodes)
    ? 'no inodes left'
    : `${roundedSize(free)} left, less than extract.minFreeBytes (${roundedSize(minFreeBytes)})`;
  return {
    id: `disk-low:${rooms[0]?.path ?? ''}`,
    since: null,
    what: `The disk of ${rooms.map(({ path }) => path).join(', ')} has ${left}.`,
    effect: recordings
      ? 'Extraction waits rather than fill the disk.'
      : 'Copies that find no room are not made, and what was done is not noted.',
    remedy: recordings ? 'Free space on it; extraction then resumes automatically.' : 'Free space on it.',
    command: 'wavspool doctor',
  };
}

/** Some file systems (btrfs) count no inodes at all. */
function hasNoInodes({ totalInodes, freeInodes }: DiskStatus): boolean {
  return totalInodes > 0 && freeInodes === 0;
}

function schedules({ schedules }: Facts): Problem[] {
  return schedules.flatMap(({ job, last, lastGood, dueAt, overdue }): Problem[] => {
    const failed = last?.outcome === 'failed';
    if (!failed && !overdue) return [];
    const good = lastGood === null ? 'it never ended well' : `it last ended well at ${lastGood}`;
    if (failed) {
      return [
        {
          id: `failed:${job}`,
          since: last.at,
          what: `${job} failed: ${last.reason ?? 'no reason given'}.`,
          effect: `There is nothing new of it; ${good}.`,
          remedy: 'Mend what the message names, then run it.',
          command: commandOf(job),
        },
      ];
    }
    return [
      {
        id: `overdue:${job}`,
        since: dueAt,
        what: `${job} was due${dueAt === null ? '' : ` at ${dueAt}`} and has not run.`,
        effect: `There is nothing new of it; ${good}.`,
        remedy: 'See that the maintain role runs, then run the job.',
        command: commandOf(job),
      },
    ];
  });
}

/** The command that runs a job now: a job's id begins like it. */
function commandOf(job: string): string | null {
  const [kind, ...names] = job.split(' ');
  if (kind === 'snapshot' || kind === 'mirror') return `wavspool ${kind} ${names[0] ?? ''}`;
  if (kind === 'export') return `wavspool export ${names.join(' ')}`;
  if (kind === 'rotate') return `wavspool rotate ${names.join(' ')}`;
  return 'wavspool status';
}

function copiesInDoubt({ copies }: Facts): Problem[] {
  return copies.flatMap(({ kind, of, schedule, directory, inDoubt, fault }) => {
    const [first] = inDoubt;
    const id = `${kind}:${of}:${schedule}`;
    const unread = {
      id: `copies-unreadable:${id}`,
      since: null,
      what: `The copies of ${of} in ${directory} cannot be read: ${fault ?? ''}.`,
      effect: 'Which there are is unknown.',
      remedy: 'Put the directory right.',
      command: 'wavspool snapshots list',
    };
    const doubtful = {
      id: `copies-in-doubt:${id}`,
      since: null,
      what: `${inDoubt.length} ${inDoubt.length === 1 ? 'copy' : 'copies'} of ${of} may not be what they should be: ${first?.path ?? ''}: ${first?.doubt ?? ''}.`,
      effect: 'Retention removes no copy for them; older ones pile up.',
      remedy: 'Look at the database. Confirm them if it is as it should be.',
      command: `wavspool snapshots confirm ${of}`,
    };
    return [...(fault === undefined ? [] : [unread]), ...(first === undefined ? [] : [doubtful])];
  });
}

function damagedCopies({ copies }: Facts): Problem[] {
  return copies.flatMap(({ kind, of, schedule, damaged }) => {
    const [first] = damaged;
    if (first === undefined) return [];
    return {
      id: `copies-damaged:${kind}:${of}:${schedule}`,
      since: null,
      what: `${damaged.length} ${damaged.length === 1 ? 'copy' : 'copies'} of ${of} cannot be restored: ${first.path}: ${first.damage}.`,
      effect: 'Retention counts on none of them; they stay until they are removed.',
      remedy: 'Look at the disk that they lie on, take another copy, and remove these.',
      command: commandOf(kind === 'export' ? `export ${of} ${schedule}` : `${kind} ${of}`),
    };
  });
}

function pointsInTime({ pointInTime }: Facts): Problem[] {
  return Object.entries(pointInTime).flatMap(([database, { gaps, damaged }]) =>
    gaps + damaged.length === 0
      ? []
      : {
          id: `point-in-time:${database}`,
          since: null,
          what: `Point-in-time recovery of ${database} has ${gaps} gaps and ${damaged.length} damaged files.`,
          effect: 'Some times within its range cannot be restored.',
          remedy: 'See which; a new base is made by itself.',
          command: 'wavspool snapshots verify',
        },
  );
}

/** Points in time that are not in the bucket for so long are not on their way. */
const OFFSITE_LATE_SECONDS = 60 * 60;

function pointsOffsite({ pointInTime }: Facts): Problem[] {
  return Object.entries(pointInTime).flatMap(([database, { offsite }]) => {
    const lagSeconds = offsite?.lagSeconds ?? 0;
    if (offsite === null || (lagSeconds <= OFFSITE_LATE_SECONDS && offsite.gaps === 0)) return [];
    const to = offsite.to === null ? 'nothing is there yet' : `the newest point there is of ${offsite.to}`;
    return {
      id: `point-in-time-offsite:${database}`,
      since: null,
      what:
        lagSeconds > OFFSITE_LATE_SECONDS
          ? `Point-in-time recovery of ${database} is ${Math.floor(lagSeconds / 60)} minutes behind offsite; ${to}.`
          : `Point-in-time recovery of ${database} has ${offsite.gaps} gaps offsite.`,
      effect:
        'If this host is lost now, what is missing offsite is lost with it. Retention here goes on, so after "keep" it is in neither place.',
      remedy: 'See why the job "offsite points" fails; it is tried again by itself.',
      command: 'wavspool status',
    };
  });
}
