import { lstat, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { applyKeep, fileNames, momentOf, type Dated, type Judged } from '../retention/index.ts';
import { compressionOf, syncDirectory } from '../runtime/index.ts';
import type { ExportDeps, ExportSettings } from './export-tables.ts';

/** An export that lies in its directory; it was loaded back before it got its name. */
interface StoredExport extends Dated {
  readonly path: string;
  readonly bytes: number;
}

/** The exports that `entry` of `database` made and that are still there, in no order. Throws what the system says. */
async function listExports(
  database: string,
  entry: ExportSettings,
  timezone: string,
): Promise<readonly StoredExport[]> {
  const names = fileNames(entry.file, timezone, { name: database });
  const found: StoredExport[] = [];
  for (const name of await readdir(entry.dir)) {
    const dated = names.parse(name);
    // stored otherwise it is another export's: two of them may differ in nothing else
    if (dated === undefined || compressionOf(name) !== entry.compress) continue;
    const path = join(entry.dir, name);
    const file = await lstat(path);
    if (!file.isFile()) continue;
    found.push({ name, path, bytes: file.size, at: momentOf(dated, file.mtimeMs), verified: true });
  }
  return found;
}

/**
 * What `keep` keeps and removes, newest first, each with its reasons; the latter are removed unless `dryRun`. Throws what the
 * system says.
 */
export async function pruneExports(
  { report, timezone, clock }: Pick<ExportDeps, 'report' | 'timezone' | 'clock'>,
  database: string,
  entry: ExportSettings,
  { dryRun }: { dryRun: boolean },
): Promise<readonly Judged<StoredExport>[]> {
  const judged = applyKeep(await listExports(database, entry, timezone), entry.keep, timezone, clock.now());
  const removed = judged.filter(({ keep }) => !keep).map(({ item }) => item);
  if (dryRun || removed.length === 0) return judged;
  for (const { path } of removed) await rm(path, { force: true });
  await syncDirectory(entry.dir);
  report('exports pruned', {
    database,
    export: entry.name,
    kept: judged.length - removed.length,
    removed: removed.map(({ name }) => name),
  });
  return judged;
}
