import type { DatabaseSettings } from '../../platform/config/index.ts';
import type { Report } from '../../domain/events.ts';
import { differsFromRecord, openIfThere, removeCopies, sweepRecords } from '../record/index.ts';
import { applyKeep, type Judged, type Keep } from '../retention/index.ts';
import type { Clock } from '../../platform/runtime/index.ts';
import { listSnapshots, liveDatabases, type CatalogueDeps, type Snapshot } from './catalogue.ts';
import type { SnapshotSchedule } from './schedules.ts';

export interface PruneDeps extends CatalogueDeps {
  readonly report: Report;
  readonly clock: Clock;
}

/**
 * What the schedule's `keep` keeps and removes, newest first, each with its reasons; removed are the latter unless `dryRun`.
 * Before anything goes, the newest good one is read once more: with one that has been damaged since, the next oldest takes its
 * place, so that a good one always stays. Throws FILE_UNREADABLE or PATH_UNSAFE.
 */
export async function pruneSnapshots(
  deps: PruneDeps,
  database: Pick<DatabaseSettings, 'name' | 'path'>,
  schedule: SnapshotSchedule,
  { dryRun }: { dryRun: boolean },
  signal: AbortSignal,
): Promise<readonly Judged<Snapshot>[]> {
  const all = await listSnapshots(deps, database, schedule);
  const judged = await judge(all, schedule, { timezone: deps.timezone, now: deps.clock.now() }, signal);
  if (dryRun) return judged;
  const done = await removeCopies(schedule.dir, judged, await liveDatabases(deps), signal);
  await sweep(schedule.dir);
  const removed = done.filter(({ keep }) => !keep).map(({ item }) => item.name);
  if (removed.length > 0) {
    const of = { database: database.name, schedule: schedule.name };
    deps.report('snapshots pruned', { ...of, kept: done.length - removed.length, removed });
  }
  return done;
}

async function judge(
  all: readonly Snapshot[],
  schedule: { readonly dir: string; readonly keep?: Keep | undefined },
  when: { readonly timezone: string; readonly now: number },
  signal: AbortSignal,
): Promise<readonly Judged<Snapshot>[]> {
  const judged = applyKeep(all, schedule.keep, when.timezone, when.now);
  const newest = judged.find(
    ({ item }) => item.verified && item.doubt === undefined && item.foreign === undefined,
  );
  if (newest === undefined || judged.every(({ keep }) => keep)) return judged;
  const differs = await readAgain(schedule.dir, newest.item, signal);
  if (differs === undefined) return judged;
  const rest = all.map((one) => (one === newest.item ? { ...one, verified: false } : one));
  const without = await judge(rest, schedule, when, signal);
  return without.map((one) =>
    one.item.path === newest.item.path ? { item: newest.item, keep: true, reasons: [differs] } : one,
  );
}

async function readAgain(
  dir: string,
  { record }: Snapshot,
  signal: AbortSignal,
): Promise<string | undefined> {
  if (record === undefined) return undefined;
  await using directory = await openIfThere(dir);
  return directory && (await differsFromRecord(directory, record, signal));
}

async function sweep(dir: string): Promise<void> {
  await using directory = await openIfThere(dir);
  if (directory !== undefined) await sweepRecords(directory);
}
