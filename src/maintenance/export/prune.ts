import type { DatabaseSettings } from '../../platform/config/index.ts';
import { liveFiles, openIfThere, removeCopies, sweepRecords, type StoredCopy } from '../record/index.ts';
import { applyKeep, type Judged } from '../retention/index.ts';
import { listExports } from './catalogue.ts';
import type { ExportDeps, ExportSettings } from './deps.ts';

/**
 * What `keep` keeps and removes, newest first, each with its reasons; the latter are removed unless `dryRun`. Throws
 * FILE_UNREADABLE or PATH_UNSAFE.
 */
export async function pruneExports(
  deps: Omit<ExportDeps, 'dataDirectory'>,
  database: Pick<DatabaseSettings, 'name' | 'path'>,
  entry: ExportSettings,
  { dryRun }: { dryRun: boolean },
  signal: AbortSignal,
): Promise<readonly Judged<StoredCopy>[]> {
  const all = await listExports(deps, database, entry);
  const judged = applyKeep(all, entry.keep, deps.timezone, deps.clock.now());
  if (dryRun) return judged;
  const live = await liveFiles(deps.databases.map(({ path }) => path));
  const done = await removeCopies(entry.dir, judged, live, signal);
  await using directory = await openIfThere(entry.dir);
  if (directory !== undefined) await sweepRecords(directory);
  const removed = done.filter(({ keep }) => !keep).map(({ item }) => item.name);
  if (removed.length > 0) {
    const of = { database: database.name, export: entry.name };
    deps.report('exports pruned', { ...of, kept: done.length - removed.length, removed });
  }
  return done;
}
