import { join } from 'node:path';
import type { DatabaseSettings } from '../../platform/config/index.ts';
import { WavspoolError, messageOf } from '../../domain/faults.ts';
import { prunePoints, verifyPoints } from '../point-in-time/index.ts';
import type { Judged } from '../retention/index.ts';
import { isoTime } from '../../platform/runtime/index.ts';
import type { Trigger } from '../../domain/run-log.ts';
import { runJob } from '../../platform/jobs/index.ts';
import {
  databaseNamed,
  listOffsite,
  listSnapshots,
  pruneOffsite,
  pruneSnapshots,
  schedulesFor,
  verifySnapshot,
  type OffsiteSnapshot,
  type Snapshot,
  type SnapshotSchedule,
  type Verdict,
} from '../snapshot/index.ts';
import type { Maintenance } from './maintenance.ts';
import type { Backup, JudgedBackup, SnapshotBackup } from './backup.ts';
import { keptBackups, pruneKeptBackups } from './kept-copies.ts';
import { mirrorBackups, pruneMirrorBackups, verifyMirrorBackups } from './mirror-backups.ts';
import { archiveBackups, exportBackups, pruneExportBackups } from './other-backups.ts';
import { capturedOf, localPoints, pointsOffsite } from './points-backups.ts';
import { noteVerdict } from './note-verdict.ts';
import { offsiteJob, snapshotJob, type SnapshotResult } from './snapshot-job.ts';

export interface SnapshotRequest {
  /** Absent: every database that has something bound to the event. */
  readonly database?: string | undefined;
  readonly event?: string | undefined;
  readonly label?: string | undefined;
}

export interface SnapshotOutcome extends SnapshotResult {
  /** The keys that were brought to the bucket, or why not; absent where nothing goes offsite. */
  readonly offsite?: { readonly shipped: readonly string[] } | { readonly error: string };
}

/** So long a command waits until a run of the same database is over. */
const PATIENCE_MS = 10 * 60_000;

/**
 * Takes the snapshots that were asked for, one after the other, and brings them offsite. Throws USAGE for a database or an
 * event that is not there, and what a snapshot throws; an upload that fails is in the outcome, and tried again by schedule.
 */
export async function takeSnapshots(
  maintenance: Maintenance,
  request: SnapshotRequest,
  by: Trigger,
  signal: AbortSignal,
): Promise<readonly SnapshotOutcome[]> {
  const outcomes: SnapshotOutcome[] = [];
  const wanted = asked(maintenance, request);
  for (const { database, schedule } of wanted) requireLabel(database, schedule, request);
  for (const { database, schedule } of wanted) {
    const job = snapshotJob(maintenance, database, schedule, request.label);
    const taken = await runJob(maintenance, job, { by, patienceMs: PATIENCE_MS }, signal);
    const offsite = await bringOffsite(maintenance, database, schedule, by, signal);
    outcomes.push({ ...taken, ...(offsite !== undefined && { offsite }) });
  }
  return outcomes;
}

/** An event whose copies are named after it without its label would give them all the name of none. Throws USAGE. */
function requireLabel(
  { name }: DatabaseSettings,
  schedule: SnapshotSchedule,
  { event, label = '' }: SnapshotRequest,
): void {
  if (event === undefined || label.trim() !== '' || !schedule.file.includes('{label}')) return;
  const message = `the event ${event} needs a label: ${name} ${schedule.name} names its copies ${schedule.file}`;
  throw new WavspoolError('USAGE', message);
}

function asked(
  { databases }: Maintenance,
  { database, event }: SnapshotRequest,
): readonly { database: DatabaseSettings; schedule: SnapshotSchedule }[] {
  if (database !== undefined) {
    const found = databaseNamed(databases, database);
    return schedulesFor(found, event).map((schedule) => ({ database: found, schedule }));
  }
  const bound = databases.flatMap((one) =>
    one.snapshots
      .filter(({ on }) => on !== undefined && on === event)
      .map((schedule) => ({ database: one, schedule })),
  );
  if (bound.length > 0) return bound;
  const events = new Set(databases.flatMap(({ snapshots }) => snapshots.flatMap(({ on }) => on ?? [])));
  const there = events.size === 0 ? 'there are no events' : `the events are: ${[...events].join(', ')}`;
  throw new WavspoolError('USAGE', `nothing is bound to the event ${JSON.stringify(event ?? '')}; ${there}`);
}

async function bringOffsite(
  maintenance: Maintenance,
  database: DatabaseSettings,
  schedule: SnapshotSchedule,
  by: Trigger,
  signal: AbortSignal,
): Promise<SnapshotOutcome['offsite']> {
  if (schedule.offsite === undefined) return undefined;
  try {
    const job = offsiteJob(maintenance, database, schedule);
    const { shipped } = await runJob(maintenance, job, { by, patienceMs: PATIENCE_MS }, signal);
    return { shipped };
  } catch (error) {
    signal.throwIfAborted();
    return { error: messageOf(error) }; // the run was reported; the snapshot stands
  }
}

/** The schedules of one database, or of all. Throws USAGE for a name that is none. */
function schedulesOf(
  { databases }: Maintenance,
  name: string | undefined,
): readonly { database: DatabaseSettings; schedule: SnapshotSchedule }[] {
  const chosen = name === undefined ? databases : [databaseNamed(databases, name)];
  return chosen.flatMap((database) => database.snapshots.map((schedule) => ({ database, schedule })));
}

/** What was found, the newest first, and where could not be looked: local copies are there whatever the store does. */
export interface Listing<T extends Backup = Backup> {
  readonly snapshots: readonly T[];
  /** Why the copies in the bucket are not among them. */
  readonly unlisted: readonly string[];
}

/** Every copy of one database, or of all. Throws FILE_UNREADABLE. */
export async function listSnapshotBackups(
  maintenance: Maintenance,
  database: string | undefined,
  signal: AbortSignal,
): Promise<Listing<SnapshotBackup>> {
  const found: SnapshotBackup[] = [];
  const unlisted: string[] = [];
  for (const one of schedulesOf(maintenance, database)) {
    const local = await listSnapshots(maintenance, one.database, one.schedule);
    found.push(...local.map(asLocal));
    if (one.schedule.offsite === undefined) continue;
    const { timezone, origin, databases } = maintenance;
    const deps = { store: await maintenance.store(), timezone, origin, databases };
    try {
      const offsite = await listOffsite(deps, one.database, one.schedule, signal);
      found.push(...offsite.map((copy) => asOffsite(copy, maintenance.settings.s3.bucket)));
    } catch (error) {
      signal.throwIfAborted();
      unlisted.push(`${one.database.name} ${one.schedule.name}: ${messageOf(error)}`);
    }
  }
  found.push(...(await keptBackups(maintenance, namesOf(maintenance, database))));
  return { snapshots: newestFirst(found), unlisted };
}

function namesOf({ databases }: Maintenance, name: string | undefined): readonly string[] {
  return name === undefined ? databases.map((one) => one.name) : [databaseNamed(databases, name).name];
}

/** Every copy of that database; without one, of all of them, and every mirror. The newest first. Throws as they do. */
export async function listBackups(
  maintenance: Maintenance,
  database: string | undefined,
  signal: AbortSignal,
): Promise<Listing> {
  const { snapshots, unlisted } = await listSnapshotBackups(maintenance, database, signal);
  const points = await Promise.all(capturedOf(maintenance, database).map(localPoints));
  const offsite = await pointsOffsite(maintenance, database, signal);
  const exported = await exportBackups(maintenance, database);
  const here = points.filter((one) => one !== undefined);
  const copies = [...snapshots, ...exported, ...here, ...offsite.backups];
  const unknown = [...unlisted, ...offsite.unlisted];
  if (database !== undefined) return { snapshots: newestFirst(copies), unlisted: unknown };
  const mirrors = await mirrorBackups(maintenance, signal);
  const archives = await archiveBackups(maintenance);
  return {
    snapshots: newestFirst([...copies, ...mirrors.backups, ...archives]),
    unlisted: [...unknown, ...mirrors.unlisted],
  };
}

/** Reads every local copy of one database, or of all and the mirrors too. Yields each with what is wrong with it. */
export async function* verifyBackups(
  maintenance: Maintenance,
  database: string | undefined,
  signal: AbortSignal,
): AsyncGenerator<Backup & Verdict> {
  const scratch = join(maintenance.dataDirectory, 'scratch');
  for (const one of schedulesOf(maintenance, database)) {
    for (const snapshot of await listSnapshots(maintenance, one.database, one.schedule)) {
      const verdict = await verifySnapshot(snapshot, scratch, signal);
      const noted = await noteVerdict(
        maintenance,
        snapshot,
        `snapshot ${one.database.name}`,
        verdict,
        signal,
      );
      yield { ...asLocal(snapshot), verified: snapshot.verified && verdict.ok, ...noted };
    }
  }
  for (const captured of capturedOf(maintenance, database)) {
    const points = await localPoints(captured);
    if (points === undefined) continue;
    const { sound, faults, chains } = await verifyPoints(maintenance, captured, signal);
    const all = [...faults, ...chains.flatMap((chain) => chain.faults)];
    yield { ...points, ok: sound, ...(sound ? {} : { reason: all.join('; ') }) };
  }
  if (database === undefined) yield* verifyMirrorBackups(maintenance, signal);
}

/** What retention keeps and removes of one database's copies, or of all and the mirrors; with `dryRun` nothing goes. */
export async function pruneBackups(
  maintenance: Maintenance,
  database: string | undefined,
  { dryRun }: { dryRun: boolean },
  signal: AbortSignal,
): Promise<readonly JudgedBackup[]> {
  const judged: JudgedBackup[] = [];
  const inTurn = async (
    id: string,
    lock: string,
    prune: () => Promise<readonly JudgedBackup[]>,
  ): Promise<void> => {
    const step = async (): Promise<{ removed: number }> => {
      const found = await prune();
      judged.push(...found);
      return { removed: found.filter(({ keep }) => !keep).length };
    };
    if (dryRun) await step();
    else await runJob(maintenance, { id, lock, run: step }, { by: 'hand', patienceMs: PATIENCE_MS }, signal);
  };
  for (const { database: one, schedule } of schedulesOf(maintenance, database)) {
    await inTurn(`prune ${one.name} ${schedule.name}`, `snapshot ${one.name}`, async () => [
      ...(await pruneSnapshots(maintenance, one, schedule, { dryRun }, signal)).map(as(asLocal)),
      ...(await pruneCopiesOffsite(maintenance, one, schedule, dryRun, signal)),
    ]);
  }
  for (const name of namesOf(maintenance, database))
    await inTurn(`prune kept ${name}`, `snapshot ${name}`, () => pruneKeptBackups(maintenance, name, dryRun));
  for (const { name, exports } of maintenance.databases) {
    if (exports.length === 0 || (database !== undefined && name !== database)) continue;
    await inTurn(`prune exports ${name}`, `snapshot ${name}`, () =>
      pruneExportBackups(maintenance, name, { dryRun }, signal),
    );
  }
  for (const captured of capturedOf(maintenance, database)) {
    await inTurn(`prune points ${captured.name}`, `point-in-time ${captured.name}`, async () => {
      const points = await localPoints(captured);
      if (points === undefined) return [];
      const { chains } = await prunePoints(maintenance, captured, { dryRun });
      return chains.map(({ from, to, bytes, keep, reason, files }) => ({
        ...points,
        name: files[0] ?? '',
        path: join(points.path, files[0] ?? ''),
        from: isoTime(from),
        at: isoTime(to),
        bytes,
        keep,
        reasons: [reason],
      }));
    });
  }
  if (database !== undefined) return judged;
  for (const mirror of maintenance.settings.mirrors) {
    await inTurn(`prune mirror ${mirror.name}`, `mirror ${mirror.name}`, () =>
      pruneMirrorBackups(maintenance, mirror, { dryRun }, signal),
    );
  }
  return judged;
}

async function pruneCopiesOffsite(
  maintenance: Maintenance,
  database: DatabaseSettings,
  schedule: SnapshotSchedule,
  dryRun: boolean,
  signal: AbortSignal,
): Promise<readonly JudgedBackup[]> {
  if (schedule.offsite === undefined) return [];
  const { report, timezone, clock, origin, databases } = maintenance;
  const deps = { store: await maintenance.store(), report, timezone, clock, origin, databases };
  const judged = await pruneOffsite(deps, database, schedule, { dryRun }, signal);
  return judged.map(as((copy) => asOffsite(copy, maintenance.settings.s3.bucket)));
}

function as<T>(toBackup: (item: T) => Backup): (judged: Judged<T>) => JudgedBackup {
  return ({ item, keep, reasons }) => ({ ...toBackup(item), keep, reasons });
}

function newestFirst<T extends Backup>(backups: readonly T[]): readonly T[] {
  return backups.toSorted((a, b) => (a.at === b.at ? 0 : a.at < b.at ? 1 : -1));
}

function asLocal(snapshot: Snapshot): SnapshotBackup {
  const unchecked = snapshot.record?.unchecked;
  return {
    ...asSnapshot(snapshot),
    where: 'local',
    path: snapshot.path,
    ...(snapshot.damage !== undefined && { damage: snapshot.damage }),
    ...(unchecked !== undefined && { unchecked }),
  };
}

function asOffsite(snapshot: OffsiteSnapshot, bucket: string): SnapshotBackup {
  return { ...asSnapshot(snapshot), where: 'offsite', path: `s3://${bucket}/${snapshot.key}` };
}

function asSnapshot(copy: Snapshot | OffsiteSnapshot): Omit<SnapshotBackup, 'where' | 'path'> {
  const { database, schedule, name, at, bytes, verified, label, doubt, foreign } = copy;
  return {
    kind: 'snapshot',
    database,
    schedule,
    name,
    at: isoTime(at),
    bytes,
    verified,
    ...(label !== undefined && { label }),
    ...(doubt !== undefined && { doubt }),
    ...(foreign !== undefined && { foreign }),
  };
}
