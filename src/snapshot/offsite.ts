import { stat } from 'node:fs/promises';
import type { Report } from '../events.ts';
import { WavspoolError, faultCode, messageOf } from '../faults.ts';
import { applyKeep, fileNames, momentOf, type Judged } from '../retention/index.ts';
import { compressionOf, sha256OfFile, type Clock, type Compression } from '../runtime/index.ts';
import type { ObjectStore } from '../store/index.ts';
import { listSnapshots, notedHashes, type Snapshot } from './catalogue.ts';
import type { SnapshotSchedule } from './schedules.ts';

/** A copy of a snapshot in the bucket. */
export interface OffsiteSnapshot {
  readonly database: string;
  readonly schedule: string;
  readonly key: string;
  readonly name: string;
  /** What its name says, ms since 1970. */
  readonly at: number;
  readonly bytes: number;
  readonly label?: string;
  readonly verified: true;
}

export interface OffsiteDeps {
  readonly store: Pick<ObjectStore, 'putIfAbsent' | 'head' | 'list' | 'remove'>;
  readonly report: Report;
  readonly timezone: string;
  readonly clock: Clock;
}

export interface Shipped {
  readonly shipped: readonly string[];
  readonly removed: readonly string[];
}

/** What a name has in it when another snapshot of the same name was there already: the beginning of its SHA-256. */
const TWIN = /~[0-9a-f]{12}(?=(?:\.gz|\.zst)?$)/;
const CONTENT_TYPES: Readonly<Record<Compression, string>> = {
  none: 'application/vnd.sqlite3',
  gzip: 'application/gzip',
  zstd: 'application/zstd',
};

/** The copies of a schedule's snapshots in the bucket, newest first; none for one without `offsite`. Throws store faults. */
export async function listOffsite(
  { store, timezone }: Pick<OffsiteDeps, 'store' | 'timezone'>,
  database: string,
  { name: schedule, offsite }: SnapshotSchedule,
  signal: AbortSignal,
): Promise<readonly OffsiteSnapshot[]> {
  if (offsite === undefined) return [];
  const names = fileNames(offsite.file, timezone, { name: database });
  const found: OffsiteSnapshot[] = [];
  for await (const { key, size } of store.list(offsite.prefix, signal)) {
    const name = key.slice(offsite.prefix.length);
    const dated = names.parse(name.replace(TWIN, ''));
    if (dated === undefined) continue;
    const label = dated.label === undefined ? {} : { label: dated.label };
    const at = momentOf(dated, dated.until - 1);
    found.push({ database, schedule, key, name, at, bytes: size, ...label, verified: true });
  }
  return found.toSorted((a, b) => b.at - a.at || (a.key < b.key ? 1 : -1));
}

/**
 * Brings every verified snapshot of the schedule that its offsite rule keeps, and that is not there yet, to the bucket: under
 * the signed SHA-256 that was noted when it was made, never over another object. Then removes what the rule does not keep.
 * Safe to repeat. Throws store faults, or SNAPSHOT_BAD for a local file that is not what it was.
 */
export async function shipOffsite(
  deps: OffsiteDeps,
  database: string,
  schedule: SnapshotSchedule,
  signal: AbortSignal,
): Promise<Shipped> {
  const { offsite } = schedule;
  if (offsite === undefined) return { shipped: [], removed: [] };
  const local = await listSnapshots(database, schedule, deps.timezone);
  const there = await listOffsite(deps, database, schedule, signal);
  const shipped: string[] = [];
  for (const snapshot of wanted(local, there, offsite.keep, deps).toReversed()) {
    const key = await ship(deps, database, schedule, snapshot, signal);
    if (key !== undefined) shipped.push(key);
  }
  const judged = await pruneOffsite(deps, database, schedule, { dryRun: false }, signal);
  return { shipped, removed: judged.filter(({ keep }) => !keep).map(({ item }) => item.key) };
}

/** As pruning a directory, for the copies in the bucket: each with the reasons why it stays or goes. Throws store faults. */
export async function pruneOffsite(
  deps: OffsiteDeps,
  database: string,
  schedule: SnapshotSchedule,
  { dryRun }: { dryRun: boolean },
  signal: AbortSignal,
): Promise<readonly Judged<OffsiteSnapshot>[]> {
  const { store, report, timezone, clock } = deps;
  const judged = applyKeep(
    await listOffsite(deps, database, schedule, signal),
    schedule.offsite?.keep,
    timezone,
    clock.now(),
  );
  const removed = judged.filter(({ keep }) => !keep).map(({ item }) => item);
  if (dryRun || removed.length === 0) return judged;
  for (const { key } of removed) await store.remove(key, signal);
  report('snapshots pruned', {
    database,
    schedule: `${schedule.name} (offsite)`,
    kept: judged.length - removed.length,
    removed: removed.map(({ key }) => key),
  });
  return judged;
}

/** Those that would stay if they were there: what goes at once again need not be brought. */
function wanted(
  local: readonly Snapshot[],
  there: readonly OffsiteSnapshot[],
  keep: NonNullable<SnapshotSchedule['offsite']>['keep'],
  { timezone, clock }: Pick<OffsiteDeps, 'timezone' | 'clock'>,
): readonly Snapshot[] {
  const good = local.filter(({ verified }) => verified);
  const all: readonly (Snapshot | OffsiteSnapshot)[] = [...good, ...there];
  const kept = new Set(
    applyKeep(all, keep, timezone, clock.now())
      .filter((one) => one.keep)
      .map(({ item }) => item),
  );
  return good.filter((snapshot) => kept.has(snapshot));
}

async function ship(
  { store, report, timezone }: OffsiteDeps,
  database: string,
  schedule: SnapshotSchedule,
  { path, at, label }: Snapshot,
  signal: AbortSignal,
): Promise<string | undefined> {
  const { offsite } = schedule;
  if (offsite === undefined) return undefined;
  const compress = compressionOf(path);
  const name = fileNames(offsite.file, timezone, { name: database }).format(at, compress, label);
  const sha256 = await sha256OfFile(path, signal);
  if (!(await notedHashes(path)).includes(sha256))
    throw new WavspoolError('SNAPSHOT_BAD', `${path} has changed since it was made; it is not sent`);
  const { size } = await stat(path);
  const put = async (key: string): Promise<string | undefined> => {
    if ((await store.head(key, signal))?.metadata['sha256'] === sha256) return undefined;
    const metadata = { sha256, database, schedule: schedule.name, 'taken-at': String(at) };
    const object = { key, path, size, sha256, metadata, contentType: CONTENT_TYPES[compress] };
    const { alreadyThere } = await store.putIfAbsent(object, signal);
    if (alreadyThere) return undefined;
    report('snapshot shipped', { database, schedule: schedule.name, key, bytes: size });
    return key;
  };
  try {
    return await put(offsite.prefix + name);
  } catch (error) {
    if (faultCode(error) === 'RECORDING_CHANGED')
      throw new WavspoolError('SNAPSHOT_BAD', `${path} changed while it was sent: ${messageOf(error)}`, {
        cause: error,
      });
    if (faultCode(error) !== 'KEY_TAKEN') throw error;
    // P5: another snapshot has this name, one of the same day perhaps; both stay
    return put(offsite.prefix + name.replace(/(?=(?:\.gz|\.zst)?$)/, `~${sha256.slice(0, 12)}`));
  }
}
