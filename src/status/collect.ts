import { statfs } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Landing } from '../arrival/index.ts';
import { copyDirectories, type Settings } from '../config/index.ts';
import { FAULTS, WavspoolError, errnoOf, faultCode, messageOf } from '../faults.ts';
import { whyAway } from '../linux/index.ts';
import { verdict, type StateCheck } from '../health/index.ts';
import { QUEUES, type QueueKind, type Queues } from '../queue/index.ts';
import { isoTime, isoTimestamp, sqlTimestamp, type Clock } from '../runtime/index.ts';
import type { StateStore } from '../state/index.ts';
import type { DiskStatus, Facts, QueueStatus, Status } from './status.ts';

interface Pause {
  readonly reason: string;
  readonly since: string;
  readonly until: string | null;
}

/** Which queues an operator paused, and why. */
export type Pauses = () => Promise<Readonly<Record<'extract' | 'upload', Pause | undefined>>>;

export interface StatusDeps {
  readonly settings: Pick<Settings, 'site' | 'paths' | 'extract' | 'databases' | 'mirrors' | 'logs'>;
  readonly state: Pick<StateStore, 'counts' | 'causes' | 'endedBetween'>;
  readonly queues: Pick<Queues, QueueKind | 'shared'>;
  readonly clock: Clock;
  readonly pauses: Pauses;
  /** What the last look through `state.db` found. */
  readonly stateCheck: () => Promise<StateCheck | undefined>;
  /** What lies in the landing directory, where no watch role tells it. */
  readonly landing?: () => Promise<Landing>;
  /** How the jobs that keep the host go. */
  readonly keeping: () => Promise<
    Pick<Status, 'snapshots' | 'copies' | 'pointInTime' | 'schedules' | 'logs'>
  >;
}

/** The dashboard only looks on. */
const NEEDED_ROLES = ['watch', 'extract', 'upload', 'maintain'] as const;

/** Looks at the state store, the queues and the disk. What `state.db` cannot tell is null. Throws REDIS_UNREACHABLE or FILE_UNREADABLE. */
export async function collectStatus(deps: StatusDeps): Promise<Status> {
  const { settings, state, queues, clock } = deps;
  const now = clock.now();
  const [pauses, store, roles, disk] = await Promise.all([
    deps.pauses(),
    queues.shared.store(),
    queues.shared.heartbeats(),
    diskStatus(settings),
  ]);
  const oldest = await oldestWaiting(queues);
  const landing: Landing | undefined =
    (await queues.shared.landing()) ?? (disk['incoming'] === null ? undefined : await deps.landing?.());
  const queueStatus = async (kind: QueueKind): Promise<QueueStatus> => {
    const [counts, paused, activeMs] = await Promise.all([
      queues[kind].counts(),
      queues[kind].isPaused(),
      queues[kind].oldestActiveMs(),
    ]);
    const pause = kind === 'maintenance' ? undefined : pauses[kind];
    const waitingMs = oldest[kind]?.waitingMs;
    return {
      ...counts,
      paused,
      ...(waitingMs !== undefined && { oldestWaitingMs: waitingMs }),
      ...(activeMs !== undefined && { oldestActiveMs: activeMs }),
      ...(paused && pause !== undefined && { reason: pause.reason, since: pause.since, until: pause.until }),
    };
  };
  const [extract, upload, maintenance] = await Promise.all(QUEUES.map(queueStatus));
  if (extract === undefined || upload === undefined || maintenance === undefined)
    throw new WavspoolError('UNKNOWN', `there are not three queues but ${QUEUES.join(', ')}`);

  const rows = readRows(state, now);
  const check = await deps.stateCheck();
  const facts: Facts = {
    site: settings.site,
    at: isoTime(now),
    ...rows.figures,
    queues: { extract, upload, maintenance },
    state: { path: settings.paths.state, fault: rows.fault, check: check ?? null },
    oldestWaiting:
      oldest.extract === undefined
        ? null
        : {
            tar: oldest.extract.payload.tar,
            ageSeconds: Math.round(oldest.extract.waitingMs / 1000),
          },
    store: storeStatus(store),
    disk,
    limits: { minFreeBytes: settings.extract.minFreeBytes, maxBacklog: settings.extract.maxBacklog },
    needs: NEEDED_ROLES,
    ...(landing !== undefined && { landing }),
    roles,
    ...(await deps.keeping()),
  };
  return { ...facts, verdict: verdict(facts, now) };
}

type RowFigures = Pick<Facts, 'recordings' | 'tars' | 'causes' | 'rates'>;

/** What the rows say, or why they cannot be read: all else is worth telling then. Throws what is no fault of the host's. */
function readRows(
  state: StatusDeps['state'],
  now: number,
): { readonly figures: RowFigures; readonly fault: Facts['state']['fault'] } {
  try {
    return { figures: rowFigures(state, now), fault: null };
  } catch (error) {
    const code = faultCode(error);
    if (FAULTS[code].cause !== 'state' && code !== 'DISK_FULL') throw error;
    const figures = { recordings: null, tars: null, causes: [], rates: null };
    return { figures, fault: { code, message: messageOf(error) } };
  }
}

function rowFigures(state: StatusDeps['state'], now: number): RowFigures {
  const counts = state.counts();
  const { PENDING, SUCCESS, FAILED, givenUp, pendingBytes } = counts;
  const uploadedWithin = (ms: number): number =>
    state.endedBetween(sqlTimestamp(now - ms), sqlTimestamp(now + 1000)).SUCCESS;
  return {
    recordings: { PENDING, SUCCESS, FAILED, givenUp, givenUpSince: iso(counts.givenUpSince), pendingBytes },
    tars: {
      extracted: counts.extractedTars,
      failed: counts.failedTars,
      givenUp: counts.givenUpTars,
      givenUpSince: iso(counts.givenUpTarsSince),
    },
    causes: state.causes(),
    rates: {
      recordingsLastMinute: uploadedWithin(60_000),
      recordingsLastHour: uploadedWithin(3_600_000),
    },
  };
}

/** A timestamp of `state.db` as JSON has it. */
function iso(timestamp: string | undefined): string | null {
  return timestamp === undefined ? null : isoTimestamp(timestamp);
}

async function oldestWaiting(queues: StatusDeps['queues']): Promise<{
  extract: Awaited<ReturnType<Queues['extract']['oldestWaiting']>>;
  upload: Awaited<ReturnType<Queues['upload']['oldestWaiting']>>;
  maintenance: Awaited<ReturnType<Queues['maintenance']['oldestWaiting']>>;
}> {
  const [extract, upload, maintenance] = await Promise.all([
    queues.extract.oldestWaiting(),
    queues.upload.oldestWaiting(),
    queues.maintenance.oldestWaiting(),
  ]);
  return { extract, upload, maintenance };
}

function storeStatus({ outage, reachedAt }: Awaited<ReturnType<Queues['shared']['store']>>): Status['store'] {
  if (outage === undefined) return { available: true, ...(reachedAt !== undefined && { reached: true }) };
  const { cause, message, since } = outage;
  return { available: false, reached: reachedAt !== undefined, cause, message, since: isoTime(since) };
}

async function diskStatus(settings: StatusDeps['settings']): Promise<Status['disk']> {
  const { paths } = settings;
  const [incoming, extracted, state] = await Promise.all([
    roomIn(paths.incoming, paths.data),
    roomIn(paths.extracted, paths.data),
    roomIn(dirname(paths.state), paths.data),
  ]);
  const copies = await Promise.all(
    copyDirectories(settings).map(async (path) => [path, await roomIfSeen(path, paths.data)] as const),
  );
  return { ...Object.fromEntries(copies), incoming, extracted, state };
}

/** Directories of copies may be anybody's: one that cannot be seen hides no other figure, and has its fault in `copies`. */
async function roomIfSeen(path: string, dataDirectory: string): Promise<DiskStatus | null> {
  try {
    return await roomIn(path, dataDirectory);
  } catch (error) {
    if (faultCode(error) !== 'FILE_UNREADABLE') throw error;
    return null;
  }
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
