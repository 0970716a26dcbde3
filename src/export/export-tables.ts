import { rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { DatabaseSettings } from '../config/index.ts';
import type { Report } from '../events.ts';
import { WavspoolError, errnoOf, messageOf } from '../faults.ts';
import { fileNames } from '../retention/index.ts';
import {
  makeDirectory,
  offLoop,
  sweepTemporaries,
  syncDirectory,
  temporaryPath,
  type Clock,
} from '../runtime/index.ts';
import type { ExportJob, Exported } from './export-thread.ts';
import { pruneExports } from './prune.ts';

/** An entry of a database's `exports`. */
export type ExportSettings = DatabaseSettings['exports'][number];

export interface ExportDeps {
  readonly clock: Clock;
  readonly report: Report;
  readonly timezone: string;
}

export interface ExportResult extends Exported {
  readonly database: string;
  readonly export: string;
  readonly path: string;
  /** When it was made, ms since 1970. */
  readonly at: number;
  readonly rows: number;
  readonly ms: number;
  /** The older exports that its `keep` let go. */
  readonly removed: readonly string[];
}

const EXPORT_THREAD = new URL('export-thread.ts', import.meta.url);

/**
 * Writes the named tables as SQL that `sqlite3 new.db < file` loads, from one pinned read and in a thread of its own; then
 * removes the exports that `keep` lets go. The file gets its name (one of the same name is replaced) only after it was loaded
 * into another database and gave back every value. Throws TABLE_UNKNOWN, EXPORT_BAD, DATABASE_MISSING, DATABASE_BUSY,
 * DATABASE_DAMAGED, DATABASE_UNUSABLE, DISK_FULL, FILE_UNREADABLE, or the abort's reason; what was there before is untouched
 * then.
 */
export async function exportTables(
  deps: ExportDeps,
  { name: database, path: source }: Pick<DatabaseSettings, 'name' | 'path'>,
  entry: ExportSettings,
  signal: AbortSignal,
): Promise<ExportResult> {
  const { clock, report, timezone } = deps;
  const { dir, compress, tables } = entry;
  const startedAt = clock.monotonicMs();
  await prepare(dir, clock.now());
  const at = clock.now();
  const path = join(dir, fileNames(entry.file, timezone, { name: database }).format(at, compress));
  const [stored, scratch] = [temporaryPath(dir), temporaryPath(dir)];
  const job: ExportJob = { source, tables, compress, stored, scratch };
  try {
    const exported = await offLoop<Exported>(EXPORT_THREAD, job, signal);
    signal.throwIfAborted();
    const judged = await inDirectory(dir, async () => {
      await rename(stored, path);
      await syncDirectory(dir);
      return pruneExports(deps, database, entry, { dryRun: false });
    });
    const rows = exported.tables.reduce((sum, table) => sum + table.rows, 0);
    const ms = Math.round(clock.monotonicMs() - startedAt);
    const { bytes } = exported;
    report('tables exported', {
      database,
      export: entry.name,
      path,
      tables: exported.tables.length,
      rows,
      bytes,
      ms,
    });
    return {
      ...exported,
      database,
      export: entry.name,
      path,
      at,
      rows,
      ms,
      removed: judged.filter(({ keep }) => !keep).map(({ item }) => item.name),
    };
  } finally {
    await rm(stored, { force: true });
    await rm(scratch, { force: true });
  }
}

async function prepare(dir: string, now: number): Promise<void> {
  await inDirectory(dir, async () => {
    await makeDirectory(dir);
    await sweepTemporaries(dir, now, { recursive: false });
  });
}

/** Runs `use`, turning what the system says of the directory into a fault of ours. */
async function inDirectory<T>(dir: string, use: () => Promise<T>): Promise<T> {
  try {
    return await use();
  } catch (error) {
    const code = errnoOf(error) === 'ENOSPC' ? 'DISK_FULL' : 'FILE_UNREADABLE';
    throw new WavspoolError(code, `the exports in ${dir}: ${messageOf(error)}`, { cause: error });
  }
}
