import { existsSync } from 'node:fs';
import { statfs } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Landing } from '../../ingest/arrival/index.ts';
import {
  copyDirectories,
  ledgerName,
  runsByTheClock,
  type Settings,
  type UsedParts,
} from '../../platform/config/index.ts';
import { FAULTS, WavspoolError, errnoOf, faultCode, messageOf } from '../../domain/faults.ts';
import { isKnownPlace, whyAway } from '../../platform/linux/index.ts';
import { verdict, type DiskStatus, type Facts, type StateCheck } from '../health/index.ts';
import type { Presence, QueueKind } from '../../platform/queue/index.ts';
import { neededRoles } from '../../domain/role-names.ts';
import { isoTime, isoTimestamp, sqlTimestamp, type Clock } from '../../platform/runtime/index.ts';
import type { LedgerCatalogue } from '../../domain/ledger.ts';
import { unlessAway, type Pauses, type QueueFacts } from './queues.ts';
import type { Status } from './status.ts';
import { timedJobs } from './timed-jobs.ts';

export interface StatusDeps {
  readonly settings: Pick<
    Settings,
    'site' | 'paths' | 'state' | 'extract' | 'databases' | 'mirrors' | 'logs'
  >;
  readonly parts: UsedParts;
  /** The site is another host's: its disks are not to be seen from here. */
  readonly isElsewhere?: boolean | undefined;
  readonly catalogue: Pick<LedgerCatalogue, 'counts' | 'causes' | 'ended'>;
  /** Asks Redis, see `lookAtQueues`; absent where nothing goes through it. */
  readonly queues: (() => Promise<QueueFacts>) | undefined;
  /** Who is at work, where Redis does not tell it. */
  readonly presence: Pick<Presence, 'heartbeats'>;
  readonly clock: Clock;
  readonly pauses: Pauses;
  /** What the last look through `state.db` found. */
  readonly stateCheck: () => Promise<StateCheck | undefined>;
  /** What lies in the landing directory, where no watch role tells it. */
  readonly landing?: () => Promise<Landing>;
  /** How the jobs that keep the host go. */
  readonly maintenance: () => Promise<
    Pick<Status, 'snapshots' | 'copies' | 'pointInTime' | 'schedules' | 'logs'>
  >;
}

/** Nothing is known of them: null would say that they are not there. */
const NO_DISKS = {} as Status['disk'];

/** Looks at the state store, the queues and the disk. What `state.db` or Redis cannot tell is null or absent. Throws FILE_UNREADABLE. */
export async function collectStatus(deps: StatusDeps): Promise<Status> {
  const { settings, parts, catalogue, clock } = deps;
  const now = clock.now();
  const needs = parts.recordings || runsByTheClock(settings) ? neededRoles(parts) : [];
  const [seen, rows, disk, found, check] = await Promise.all([
    lookAtWork(deps, now),
    readRows(catalogue, now),
    deps.isElsewhere === true ? NO_DISKS : diskStatus(settings, parts),
    deps.maintenance(),
    deps.stateCheck(),
  ]);
  const schedules = wanted(found.schedules, needs, seen.roles);
  const maintenance = { ...found, schedules };
  const isAsked = parts.recordings && disk['incoming'] !== null;
  const landing = seen.landing ?? (isAsked ? await deps.landing?.() : undefined);
  const facts: Facts = {
    site: settings.site,
    at: isoTime(now),
    uses: parts,
    ...rows.figures,
    ...seen.work(maintenance),
    state: { path: ledgerName(settings), fault: rows.fault, check: check ?? null },
    disk,
    limits: { minFreeBytes: settings.extract.minFreeBytes, maxBacklog: settings.extract.maxBacklog },
    needs,
    ...(landing !== undefined && { landing }),
    ...maintenance,
  };
  return { ...facts, verdict: verdict(facts, now) };
}

type WorkFacts = Pick<Facts, 'redis' | 'queues' | 'oldestWaiting' | 'store' | 'roles'>;

interface SeenWork {
  readonly landing?: Facts['landing'];
  readonly roles: Facts['roles'];
  /** Without Redis, what waits is told by how the jobs that keep the host go. */
  readonly work: (maintenance: Pick<Status, 'schedules'>) => WorkFacts;
}

/** Who works on what, as far as Redis, or where nothing goes through it the roles themselves, tell it. */
async function lookAtWork(
  { parts, queues, presence, pauses: read }: StatusDeps,
  now: number,
): Promise<SeenWork> {
  const pauses = await read();
  const nothing = { queues: {}, oldestWaiting: null, store: null, roles: [] };
  if (queues === undefined) {
    const roles = await presence.heartbeats();
    const jobs = (schedules: Status['schedules']): Facts['queues'] => ({
      maintenance: timedJobs(schedules, roles, pauses.maintenance, now),
    });
    return { roles, work: ({ schedules }) => ({ ...nothing, redis: null, queues: jobs(schedules), roles }) };
  }
  const asked = await unlessAway(queues);
  if ('fault' in asked)
    return { roles: [], work: () => ({ ...nothing, redis: { available: false, ...asked.fault } }) };
  const { landing, store, ...work } = asked;
  const facts = {
    ...work,
    redis: { available: true },
    queues: withPauses(work.queues, pauses),
    store: parts.recordings ? store : null,
  };
  return { landing, roles: work.roles, work: () => facts };
}

/** On a host whose settings plan no job, what wavspool does by itself is not overdue before the role runs that does it. */
function wanted(
  schedules: Status['schedules'],
  needs: Facts['needs'],
  roles: Facts['roles'],
): Status['schedules'] {
  if (needs.includes('maintain') || roles.some(({ role }) => role === 'maintain')) return schedules;
  return schedules.map((schedule) => ({ ...schedule, dueAt: null, overdue: false }));
}

/** Why a queue is paused stands beside it. */
function withPauses(queues: QueueFacts['queues'], pauses: Awaited<ReturnType<Pauses>>): Facts['queues'] {
  const entries = Object.entries(queues).map(([kind, queue]) => [
    kind,
    { ...queue, ...(queue.paused && pauses[kind as QueueKind]) },
  ]);
  return Object.fromEntries(entries) as Facts['queues'];
}

type RowFigures = Pick<Facts, 'recordings' | 'tars' | 'causes' | 'rates'>;

/** What the rows say, or why they cannot be read: all else is worth telling then. Throws what is no fault of the host's. */
async function readRows(
  catalogue: StatusDeps['catalogue'],
  now: number,
): Promise<{ readonly figures: RowFigures; readonly fault: Facts['state']['fault'] }> {
  try {
    return { figures: await rowFigures(catalogue, now), fault: null };
  } catch (error) {
    const code = faultCode(error);
    if (FAULTS[code].cause !== 'state' && code !== 'DISK_FULL') throw error;
    const figures = { recordings: null, tars: null, causes: [], rates: null };
    return { figures, fault: { code, message: messageOf(error) } };
  }
}

async function rowFigures(catalogue: StatusDeps['catalogue'], now: number): Promise<RowFigures> {
  const counts = await catalogue.counts();
  const { PENDING, SUCCESS, FAILED, givenUp, pendingBytes } = counts;
  const [minute, hour] = await catalogue.ended(
    [60_000, 3_600_000].map((ms) => ({ from: sqlTimestamp(now - ms), to: sqlTimestamp(now + 1000) })),
  );
  return {
    recordings: { PENDING, SUCCESS, FAILED, givenUp, givenUpSince: iso(counts.givenUpSince), pendingBytes },
    tars: {
      extracted: counts.extractedTars,
      failed: counts.failedTars,
      givenUp: counts.givenUpTars,
      givenUpSince: iso(counts.givenUpTarsSince),
    },
    causes: await catalogue.causes(),
    rates: {
      recordingsLastMinute: minute?.SUCCESS ?? 0,
      recordingsLastHour: hour?.SUCCESS ?? 0,
    },
  };
}

/** A timestamp of `state.db` as JSON has it. */
function iso(timestamp: string | undefined): string | null {
  return timestamp === undefined ? null : isoTimestamp(timestamp);
}

async function diskStatus(
  settings: StatusDeps['settings'],
  { recordings }: UsedParts,
): Promise<Status['disk']> {
  const { paths } = settings;
  const [state, ...passed] = await Promise.all([
    roomIn(dirname(paths.state), paths.data),
    roomIn(paths.incoming, paths.data),
    roomForNew(paths.extracted, paths.data),
  ]);
  // where nothing lands, neither is missed; one that is there all the same is told of
  const used = (['incoming', 'extracted'] as const)
    .map((name, at) => [name, passed[at] ?? null] as const)
    .filter(([, room]) => recordings || room !== null);
  const copies = await Promise.all(
    copyDirectories(settings).map(async (path) => [path, await roomIfSeen(path, paths.data)] as const),
  );
  return { ...Object.fromEntries([...copies, ...used]), state };
}

/** Directories of copies may be another user's: one that cannot be seen hides no other figure, and has its fault in `copies`. */
async function roomIfSeen(path: string, dataDirectory: string): Promise<DiskStatus | null> {
  try {
    return await roomForNew(path, dataDirectory);
  } catch (error) {
    if (faultCode(error) !== 'FILE_UNREADABLE') throw error;
    return null;
  }
}

/** As {@link roomIn}; of a directory that wavspool has yet to make, the room where it will lie: before the first run it is not missed. */
async function roomForNew(path: string, dataDirectory: string): Promise<DiskStatus | null> {
  const room = await roomIn(path, dataDirectory);
  if (room !== null || existsSync(path) || isKnownPlace(path, dataDirectory)) return room;
  const above = dirname(path);
  const there = above === path ? null : await roomForNew(above, dataDirectory);
  return there && { ...there, path };
}

/** Null for a directory that does not exist, or whose disk is not mounted: the room beneath its mount point is another disk's. */
async function roomIn(path: string, dataDirectory: string): Promise<DiskStatus | null> {
  if (whyAway(path, dataDirectory) !== undefined) return null;
  try {
    const { bavail, blocks, bsize, ffree, files } = await statfs(path);
    return {
      path,
      freeBytes: bavail * bsize,
      totalBytes: blocks * bsize,
      freeInodes: ffree,
      totalInodes: files,
    };
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return null;
    throw new WavspoolError('FILE_UNREADABLE', `the room in ${path} cannot be told: ${messageOf(error)}`, {
      cause: error,
    });
  }
}
