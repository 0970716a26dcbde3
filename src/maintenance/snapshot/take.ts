import { lstat, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { DatabaseSettings } from '../../platform/config/index.ts';
import type { Report } from '../../domain/events.ts';
import { WavspoolError, unlessGone } from '../../domain/faults.ts';
import {
  at,
  identityOf,
  pointSymlink,
  type Directory,
  type FileIdentity,
} from '../../platform/linux/index.ts';
import {
  bringTo,
  directoryFault,
  doubtOf,
  nextCount,
  openDoubt,
  openWorkplace,
  publishCopy,
  recordsIn,
  recordsOf,
  uptimeNow,
  type CopyRecord,
  type Doubt,
  type ModeChange,
  type Opening,
  type Published,
  type Workplace,
} from '../record/index.ts';
import { fileNames } from '../retention/index.ts';
import { offLoop, temporaryPath, type Clock } from '../../platform/runtime/index.ts';
import { liveDatabases, ownerOf, type CatalogueDeps, type Snapshot } from './catalogue.ts';
import type { Copied, CopyJob } from './copy-thread.ts';
import type { SnapshotSchedule } from './schedules.ts';

export interface SnapshotDeps extends CatalogueDeps {
  readonly clock: Clock;
  readonly report: Report;
  readonly dataDirectory: string;
}

export interface TakenSnapshot extends Snapshot {
  readonly record: CopyRecord;
  readonly sha256: string;
  /** Bytes before compression. */
  readonly rawBytes: number;
  readonly tables: number;
  readonly rows: number;
  readonly ms: number;
  /** What an older snapshot that had its name is called now; absent when there was none. */
  readonly displaced?: string;
}

const DIRECTORY_MODE = 0o700;
const COPY_THREAD = new URL('copy-thread.ts', import.meta.url);

/**
 * Takes a snapshot of the live database: from one pinned read, in a thread of its own, under a temporary name until its
 * stored form was read back and its record stands. A crash leaves no snapshot or a whole one. An older one that has its name
 * gets its own time into it. One that may not be what it should be is kept, said and in doubt. Throws DATABASE_MISSING,
 * DATABASE_BUSY, DATABASE_DAMAGED, SNAPSHOT_BAD, DISK_FULL, SETTINGS_INVALID, COPY_IN_THE_WAY, PATH_UNSAFE; what was there
 * before is untouched then.
 */
export async function takeSnapshot(
  deps: SnapshotDeps,
  database: DatabaseSettings,
  schedule: SnapshotSchedule,
  label: string | undefined,
  signal: AbortSignal,
): Promise<TakenSnapshot> {
  const { clock, report, timezone, dataDirectory } = deps;
  const { dir, compress } = schedule;
  const startedAt = clock.monotonicMs();
  await using place = await openWorkplace(dir, { ...askedMode(schedule), now: clock.now(), dataDirectory });
  if (place.modeChange !== undefined) reportMode(report, dir, place.modeChange);
  const takenAt = clock.now();
  const file = fileNames(schedule.file, timezone, { name: database.name }).format(takenAt, compress, label);
  const live = await liveDatabases(deps);
  await refuseLive(place.directory, file, live);
  const [raw, packed, unpacked] = [
    temporaryPath(place.path),
    temporaryPath(place.path),
    temporaryPath(place.path),
  ];
  const job: CopyJob = { source: database.path, raw, packed, unpacked, compress, asserts: database.asserts };
  try {
    const copied = await offLoop<Copied>(COPY_THREAD, job, signal);
    signal.throwIfAborted();
    const described = { file, at: takenAt, ...(label !== undefined && { label }) };
    const { record, displaced } = await publish(deps, { database, schedule, place, copied, described, live });
    const ms = Math.round(clock.monotonicMs() - startedAt);
    const path = join(dir, record.file);
    const { bytes, rawBytes, sha256 } = copied;
    const rows = Object.values(copied.rows).reduce((sum, count) => sum + count, 0);
    const made = { database: database.name, schedule: schedule.name, path };
    report('snapshot taken', { ...made, bytes, rawBytes, rows, ms });
    if (record.doubt !== undefined)
      report('copy in doubt', { of: database.name, ...made, reason: record.doubt.said });
    return {
      ...made,
      name: record.file,
      at: takenAt,
      bytes,
      verified: true,
      count: record.count,
      record,
      ...(record.label !== undefined && { label: record.label }),
      ...(record.doubt !== undefined && { doubt: record.doubt.said }),
      ...(displaced !== undefined && { displaced }),
      sha256,
      rawBytes,
      tables: Object.keys(copied.rows).length,
      rows,
      ms,
    };
  } finally {
    for (const growing of [raw, packed, unpacked])
      for (const part of ['', '-journal', '-wal', '-shm']) await rm(growing + part, { force: true });
  }
}

/** One that is not asked for is only that of a directory that is made: other programs may live in one that is there. */
function askedMode({ dirMode }: SnapshotSchedule): Pick<Opening, 'mode' | 'isAsked'> {
  return dirMode === undefined
    ? { mode: DIRECTORY_MODE }
    : { mode: Number.parseInt(dirMode, 8), isAsked: true };
}

function reportMode(report: Report, directory: string, { was, asked, kept }: ModeChange): void {
  if (kept === undefined) report('directory mode changed', { directory, was, mode: asked });
  else report('directory mode not as asked', { directory, mode: was, asked, reason: kept });
}

async function refuseLive(
  directory: Directory,
  file: string,
  live: ReadonlySet<FileIdentity>,
): Promise<void> {
  const present = await lstat(at(directory, file), { bigint: true }).catch(unlessGone);
  if (present === undefined || !live.has(identityOf(present))) return;
  const problem = `${directory.path}/${file} is a live database, and a copy is to have its name`;
  throw new WavspoolError('COPY_IN_THE_WAY', problem);
}

interface Publishing {
  readonly database: DatabaseSettings;
  readonly schedule: SnapshotSchedule;
  readonly place: Workplace;
  readonly copied: Copied;
  readonly described: Pick<CopyRecord, 'file' | 'at' | 'label'>;
  readonly live: ReadonlySet<FileIdentity>;
}

async function publish(
  deps: SnapshotDeps,
  { database, schedule, place, copied, described, live }: Publishing,
): Promise<Published> {
  const { directory } = place;
  try {
    const owner = await ownerOf(deps, database, schedule);
    const earlier = recordsOf(await recordsIn(directory), owner);
    const uptime = await uptimeNow();
    const { bytes, sha256, rows: amounts, journalMode, unchecked } = copied;
    const doubt = doubtOf({ ...described, amounts, uptime }, earlier, schedule.keep, deps.timezone);
    const record: CopyRecord = {
      ...owner,
      ...described,
      count: await nextCount(directory, owner),
      uptime,
      bytes,
      sha256,
      amounts,
      journalMode,
      ...(doubt !== undefined && { doubt }),
      ...(unchecked.length > 0 && { unchecked }),
    };
    const mode = Number.parseInt(schedule.mode, 8);
    const temporary = await bringTo(place, copied.stored, { mode, at: described.at, sha256 });
    const published = await publishCopy({ directory, temporary, record, timezone: deps.timezone, live });
    if (schedule.latest) await pointSymlink(directory, 'latest', latestOf(published, doubt, earlier));
    return published;
  } catch (error) {
    throw directoryFault(schedule.dir, error);
  }
}

/** The new one, unless what it holds is in doubt: then the last good one, under the name that it has now. */
function latestOf(
  { record, displaced }: Published,
  doubt: Doubt | undefined,
  earlier: readonly CopyRecord[],
): string {
  const good = doubt?.about === 'content' ? earlier.find((one) => openDoubt(one) === undefined) : undefined;
  if (good === undefined) return record.file;
  return good.file === record.file && displaced !== undefined ? displaced : good.file;
}
