import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Report } from '../events.ts';
import { unlessGone } from '../faults.ts';
import { applyKeep, fileNames, type Judged, type Keep } from '../retention/index.ts';
import { sha256OfFile, syncDirectory, type Clock } from '../runtime/index.ts';
import { hashFileOf, listSnapshots, notedHashes, type Snapshot } from './catalogue.ts';
import type { SnapshotSchedule } from './schedules.ts';

export interface PruneDeps {
  readonly report: Report;
  readonly timezone: string;
  readonly clock: Clock;
}

/**
 * What the schedule's `keep` keeps and removes, newest first, each with its reasons; removed are the latter unless `dryRun`.
 * Before anything goes, the newest verified one is read once more: with one that has been damaged since, the next oldest
 * takes its place, so that a good one always stays. Throws FILE_UNREADABLE.
 */
export async function pruneSnapshots(
  { report, timezone, clock }: PruneDeps,
  database: string,
  schedule: SnapshotSchedule,
  { dryRun }: { dryRun: boolean },
  signal: AbortSignal,
): Promise<readonly Judged<Snapshot>[]> {
  const all = await listSnapshots(database, schedule, timezone);
  const judged = await judge(all, schedule.keep, { timezone, now: clock.now() }, signal);
  if (dryRun) return judged;
  const removed = judged.filter(({ keep }) => !keep).map(({ item }) => item);
  for (const { path } of removed) {
    signal.throwIfAborted();
    await rm(path, { force: true });
    await rm(hashFileOf(path), { force: true });
  }
  await removeLoneHashes(database, schedule, timezone);
  if (removed.length > 0) {
    await syncDirectory(schedule.dir);
    report('snapshots pruned', {
      database,
      schedule: schedule.name,
      kept: judged.length - removed.length,
      removed: removed.map(({ name }) => name),
    });
  }
  return judged;
}

async function judge(
  all: readonly Snapshot[],
  keep: Keep | undefined,
  when: { readonly timezone: string; readonly now: number },
  signal: AbortSignal,
): Promise<readonly Judged<Snapshot>[]> {
  const judged = applyKeep(all, keep, when.timezone, when.now);
  const newest = all.find(({ verified }) => verified);
  if (newest === undefined || judged.every(({ keep }) => keep)) return judged;
  const sha256 = await sha256OfFile(newest.path, signal);
  if ((await notedHashes(newest.path)).includes(sha256)) return judged;
  const rest = all.map((one) => (one === newest ? { ...one, verified: false } : one));
  const without = await judge(rest, keep, when, signal);
  return without.map((one) =>
    one.item.path === newest.path
      ? { item: newest, keep: true, reasons: ['it has changed since it was made: look at it'] }
      : one,
  );
}

/** A crash between the two removals leaves the hash of a snapshot that is gone. */
async function removeLoneHashes(
  database: string,
  { dir, file }: SnapshotSchedule,
  timezone: string,
): Promise<void> {
  const own = fileNames(file, timezone, { name: database });
  const names = new Set((await readdir(dir).catch(unlessGone)) ?? []);
  for (const name of names) {
    const of = name.endsWith('.sha256') ? name.slice(0, -'.sha256'.length) : undefined;
    if (of === undefined || names.has(of) || own.parse(of) === undefined) continue;
    await rm(join(dir, name), { force: true });
  }
}
