import type { DatabaseSettings } from '../../platform/config/index.ts';
import type { Report } from '../../domain/events.ts';
import { WavspoolError, faultCode, messageOf } from '../../domain/faults.ts';
import { timedName, type CopyRecord } from '../record/index.ts';
import { applyKeep, fileNames, type Judged } from '../retention/index.ts';
import { compressionOf, sha256OfFile, type Clock, type Compression } from '../../platform/runtime/index.ts';
import type { ObjectStore } from '../../platform/s3/index.ts';
import { listSnapshots, ownerOf, type CatalogueDeps } from './catalogue.ts';
import { listOffsite, offsiteMetadata, type OffsiteSnapshot } from './offsite-catalogue.ts';
import type { SnapshotSchedule } from './schedules.ts';

export interface OffsiteDeps extends CatalogueDeps {
  readonly store: Pick<ObjectStore, 'putIfAbsent' | 'head' | 'list' | 'remove' | 'move'>;
  readonly report: Report;
  readonly clock: Clock;
}

export interface Shipped {
  readonly shipped: readonly string[];
  readonly removed: readonly string[];
}

type Database = Pick<DatabaseSettings, 'name' | 'path'>;

const CONTENT_TYPES: Readonly<Record<Compression, string>> = {
  none: 'application/vnd.sqlite3',
  gzip: 'application/gzip',
  zstd: 'application/zstd',
};
/** S3 copies no more than this in one request, so what is larger keeps its key. */
const LARGEST_MOVE_BYTES = 5 * 1024 ** 3;

/**
 * Brings every good snapshot of the schedule that its offsite rule keeps, and that is not there yet, to the bucket: under the
 * signed SHA-256 of its record, never over another object. Then removes what the rule does not keep. Safe to repeat. Throws store
 * faults, or SNAPSHOT_BAD for a local file that is not what it was.
 */
export async function shipOffsite(
  deps: OffsiteDeps,
  database: Database,
  schedule: SnapshotSchedule,
  signal: AbortSignal,
): Promise<Shipped> {
  if (schedule.offsite === undefined) return { shipped: [], removed: [] };
  const shipped: string[] = [];
  for (const { path, record } of await wanted(deps, database, schedule, signal)) {
    const key = await ship(deps, { database, schedule, path, record }, signal);
    if (key === undefined) continue;
    deps.report('snapshot shipped', {
      database: database.name,
      schedule: schedule.name,
      key,
      bytes: record.bytes,
    });
    shipped.push(key);
  }
  const judged = await pruneOffsite(deps, database, schedule, { dryRun: false }, signal);
  return { shipped, removed: judged.filter(({ keep }) => !keep).map(({ item }) => item.key) };
}

/**
 * As pruning a directory, for the copies in the bucket: each with the reasons why it stays or goes. Only what its metadata gives
 * to this schedule counts or goes. Throws store faults.
 */
export async function pruneOffsite(
  deps: OffsiteDeps,
  database: Database,
  schedule: SnapshotSchedule,
  { dryRun }: { dryRun: boolean },
  signal: AbortSignal,
): Promise<readonly Judged<OffsiteSnapshot>[]> {
  const { store, report, timezone, clock } = deps;
  const there = await listOffsite(deps, database, schedule, signal);
  const judged = applyKeep(there, schedule.offsite?.keep, timezone, clock.now());
  const removed = judged.filter(({ keep }) => !keep).map(({ item }) => item);
  if (dryRun || removed.length === 0) return judged;
  for (const { key } of removed) await store.remove(key, signal);
  report('snapshots pruned', {
    database: database.name,
    schedule: `${schedule.name} (offsite)`,
    kept: judged.length - removed.length,
    removed: removed.map(({ key }) => key),
  });
  return judged;
}

interface Sent {
  readonly path: string;
  readonly record: CopyRecord;
}

/** Those that are not there and would stay if they were, oldest first: what goes at once again need not be brought. */
async function wanted(
  deps: OffsiteDeps,
  database: Database,
  schedule: SnapshotSchedule,
  signal: AbortSignal,
): Promise<readonly Sent[]> {
  const { timezone, clock } = deps;
  const there = (await listOffsite(deps, database, schedule, signal)).filter(
    ({ foreign }) => foreign === undefined,
  );
  const isThere = ({ sha256, at }: CopyRecord): boolean =>
    there.some((copy) => copy.sha256 === sha256 && copy.at === at);
  const missing = (await listSnapshots(deps, database, schedule)).filter(
    ({ record, doubt, foreign }) =>
      record !== undefined && doubt === undefined && foreign === undefined && !isThere(record),
  );
  const kept = new Set<unknown>(
    applyKeep([...missing, ...there], schedule.offsite?.keep, timezone, clock.now())
      .filter(({ keep }) => keep)
      .map(({ item }) => item),
  );
  return missing
    .filter((snapshot) => kept.has(snapshot))
    .flatMap(({ path, record }) => (record === undefined ? [] : [{ path, record }]))
    .toReversed();
}

/** Returns its key; undefined when the same bytes had it already. */
async function ship(
  deps: OffsiteDeps,
  {
    database,
    schedule,
    path,
    record,
  }: Sent & { readonly database: Database; readonly schedule: SnapshotSchedule },
  signal: AbortSignal,
): Promise<string | undefined> {
  const { store, timezone } = deps;
  const { offsite } = schedule;
  if (offsite === undefined) return undefined;
  const { sha256, at, bytes: size, label } = record;
  if ((await sha256OfFile(path, signal)) !== sha256)
    throw new WavspoolError('SNAPSHOT_BAD', `${path} has changed since it was made; it is not sent`);
  const compress = compressionOf(path);
  const name = fileNames(offsite.file, timezone, { name: database.name }).format(at, compress, label);
  const metadata = offsiteMetadata(await ownerOf(deps, database, schedule), record);
  const isTaken = async (timed: string): Promise<boolean> =>
    (await store.head(offsite.prefix + timed, signal)) !== undefined;
  const put = async (key: string): Promise<string | undefined> => {
    const object = { key, path, size, sha256, metadata, contentType: CONTENT_TYPES[compress] };
    return (await store.putIfAbsent(object, signal)).alreadyThere ? undefined : key;
  };
  const beside = async (): Promise<string> => offsite.prefix + (await timedName(name, at, timezone, isTaken));
  const plain = offsite.prefix + name;
  try {
    const there = (await listOffsite(deps, database, schedule, signal)).find(({ key }) => key === plain);
    if (
      there !== undefined &&
      there.foreign === undefined &&
      there.at < at &&
      there.bytes <= LARGEST_MOVE_BYTES
    ) {
      // who fetches the plain name gets the newest; a crash in between leaves the older one under its own time
      await store.move(plain, offsite.prefix + (await timedName(name, there.at, timezone, isTaken)), signal);
      return await put(plain);
    }
    return await put((await isTaken(name)) ? await beside() : plain);
  } catch (error) {
    if (faultCode(error) === 'KEY_TAKEN') return put(await beside()); // P5: another process was quicker, and both stay
    if (faultCode(error) !== 'RECORDING_CHANGED') throw error;
    throw new WavspoolError('SNAPSHOT_BAD', `${path} changed while it was sent: ${messageOf(error)}`, {
      cause: error,
    });
  }
}
