import { join } from 'node:path';
import type { DatabaseSettings } from '../config/index.ts';
import { WavspoolError, messageOf } from '../faults.ts';
import { isoTime } from '../runtime/index.ts';
import { runJob, type Trigger } from '../schedule/index.ts';
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
} from '../snapshot/index.ts';
import type { Host } from './host.ts';
import { offsiteJob, snapshotJob, type SnapshotResult } from './jobs.ts';

/** A copy, wherever it lies, as `snapshots list` and `/api/backups` show it; times ISO in UTC. */
export interface Backup {
  readonly kind: 'snapshot';
  readonly database: string;
  readonly schedule: string;
  readonly where: 'local' | 'offsite';
  /** A path, or `s3://bucket/key`; `restore --from` takes it as it stands. */
  readonly path: string;
  readonly name: string;
  readonly at: string;
  readonly bytes: number;
  readonly label?: string;
  /** It was read back when it was made, and its SHA-256 noted. */
  readonly verified: boolean;
}

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
  host: Host,
  request: SnapshotRequest,
  by: Trigger,
  signal: AbortSignal,
): Promise<readonly SnapshotOutcome[]> {
  const outcomes: SnapshotOutcome[] = [];
  for (const { database, schedule } of asked(host, request)) {
    const job = snapshotJob(host, database, schedule, request.label);
    const taken = await runJob(host, job, { by, patienceMs: PATIENCE_MS }, signal);
    const offsite = await bringOffsite(host, database, schedule, by, signal);
    outcomes.push({ ...taken, ...(offsite !== undefined && { offsite }) });
  }
  return outcomes;
}

function asked(
  { databases }: Host,
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
  host: Host,
  database: DatabaseSettings,
  schedule: SnapshotSchedule,
  by: Trigger,
  signal: AbortSignal,
): Promise<SnapshotOutcome['offsite']> {
  if (schedule.offsite === undefined) return undefined;
  try {
    const job = offsiteJob(host, database, schedule);
    const { shipped } = await runJob(host, job, { by, patienceMs: PATIENCE_MS }, signal);
    return { shipped };
  } catch (error) {
    signal.throwIfAborted();
    return { error: messageOf(error) }; // the run was reported; the snapshot stands
  }
}

/** The schedules of one database, or of all. Throws USAGE for a name that is none. */
function schedulesOf(
  { databases }: Host,
  name: string | undefined,
): readonly { database: string; schedule: SnapshotSchedule }[] {
  const chosen = name === undefined ? databases : [databaseNamed(databases, name)];
  return chosen.flatMap(({ name, snapshots }) => snapshots.map((schedule) => ({ database: name, schedule })));
}

/** Every copy there is, the newest first. Throws store faults for copies in the bucket, FILE_UNREADABLE for those on disk. */
export async function listBackups(
  host: Host,
  database: string | undefined,
  signal: AbortSignal,
): Promise<readonly Backup[]> {
  const found: Backup[] = [];
  for (const one of schedulesOf(host, database)) {
    const local = await listSnapshots(one.database, one.schedule, host.timezone);
    found.push(...local.map(asLocal));
    if (one.schedule.offsite === undefined) continue;
    const deps = { store: host.store(), timezone: host.timezone };
    const offsite = await listOffsite(deps, one.database, one.schedule, signal);
    found.push(...offsite.map((copy) => asOffsite(copy, host.settings.s3.bucket)));
  }
  return found.toSorted((a, b) => (a.at < b.at ? 1 : -1));
}

/** Reads every local copy of one database, or of all, as a restore would. Yields each with what is wrong with it. */
export async function* verifyBackups(
  host: Host,
  database: string | undefined,
  signal: AbortSignal,
): AsyncGenerator<Backup & { readonly ok: boolean; readonly reason?: string }> {
  const scratch = join(host.dataDirectory, 'scratch');
  for (const one of schedulesOf(host, database)) {
    for (const snapshot of await listSnapshots(one.database, one.schedule, host.timezone))
      yield { ...asLocal(snapshot), ...(await verifySnapshot(snapshot, scratch, signal)) };
  }
}

/** What retention keeps and removes of one database's copies, or of all, with the reasons; with `dryRun` nothing goes. */
export async function pruneBackups(
  host: Host,
  database: string | undefined,
  { dryRun }: { dryRun: boolean },
  signal: AbortSignal,
): Promise<readonly (Backup & { readonly keep: boolean; readonly reasons: readonly string[] })[]> {
  const judged: (Backup & { readonly keep: boolean; readonly reasons: readonly string[] })[] = [];
  for (const { database: name, schedule } of schedulesOf(host, database)) {
    const prune = async (): Promise<{ readonly removed: number }> => {
      const local = await pruneSnapshots(host, name, schedule, { dryRun }, signal);
      judged.push(...local.map(({ item, keep, reasons }) => ({ ...asLocal(item), keep, reasons })));
      if (schedule.offsite !== undefined) {
        const deps = { store: host.store(), report: host.report, timezone: host.timezone };
        const offsite = await pruneOffsite(deps, name, schedule, { dryRun }, signal);
        const { bucket } = host.settings.s3;
        judged.push(
          ...offsite.map(({ item, keep, reasons }) => ({ ...asOffsite(item, bucket), keep, reasons })),
        );
      }
      return { removed: judged.filter(({ keep }) => !keep).length };
    };
    if (dryRun) await prune();
    else {
      const job = { id: `prune ${name} ${schedule.name}`, lock: `snapshot ${name}`, run: prune };
      await runJob(host, job, { by: 'hand', patienceMs: PATIENCE_MS }, signal);
    }
  }
  return judged;
}

function asLocal({ at, ...rest }: Snapshot): Backup {
  return { kind: 'snapshot', where: 'local', ...rest, at: isoTime(at) };
}

function asOffsite({ at, key, ...rest }: OffsiteSnapshot, bucket: string): Backup {
  return { kind: 'snapshot', where: 'offsite', ...rest, path: `s3://${bucket}/${key}`, at: isoTime(at) };
}
