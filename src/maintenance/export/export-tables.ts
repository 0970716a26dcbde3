import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { DatabaseSettings } from '../../platform/config/index.ts';
import {
  bringTo,
  directoryFault,
  doubtOf,
  liveFiles,
  nextCount,
  openWorkplace,
  publishCopy,
  recordsIn,
  recordsOf,
  uptimeNow,
  type CopyRecord,
  type Workplace,
} from '../record/index.ts';
import { fileNames } from '../retention/index.ts';
import { offLoop, temporaryPath } from '../../platform/runtime/index.ts';
import { ownerOf } from './catalogue.ts';
import type { ExportDeps, ExportSettings } from './deps.ts';
import type { ExportJob, Exported } from './export-thread.ts';
import { pruneExports } from './prune.ts';

export interface ExportResult extends Exported {
  readonly database: string;
  readonly export: string;
  readonly path: string;
  /** When it was made, ms since 1970. */
  readonly at: number;
  readonly rows: number;
  readonly ms: number;
  /** Why it may not be what it should be; absent when it is. */
  readonly doubt?: string;
  /** The older exports that its `keep` let go. */
  readonly removed: readonly string[];
}

const DIRECTORY_MODE = 0o750;
const FILE_MODE = 0o600;
const EXPORT_THREAD = new URL('export-thread.ts', import.meta.url);

/**
 * Writes the named tables as SQL that `sqlite3 new.db < file` loads, from one pinned read and in a thread of its own; then
 * removes the exports that `keep` lets go. The file gets its name (an older one of that name gets its time into it) only after it
 * was loaded into another database and gave back every value. Throws TABLE_UNKNOWN, EXPORT_BAD, DATABASE_MISSING, DATABASE_BUSY,
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
  const { dataDirectory } = deps;
  await using place = await openWorkplace(dir, { mode: DIRECTORY_MODE, now: clock.now(), dataDirectory });
  const madeAt = clock.now();
  const file = fileNames(entry.file, timezone, { name: database }).format(madeAt, compress);
  const [stored, scratch] = [temporaryPath(place.path), temporaryPath(place.path)];
  const job: ExportJob = { source, tables, compress, stored, scratch };
  try {
    const exported = await offLoop<Exported>(EXPORT_THREAD, job, signal);
    signal.throwIfAborted();
    const record = await publish(
      deps,
      { database: { name: database, path: source }, entry, place },
      exported,
      {
        stored,
        file,
        at: madeAt,
      },
    );
    const rows = exported.tables.reduce((sum, table) => sum + table.rows, 0);
    const ms = Math.round(clock.monotonicMs() - startedAt);
    const path = join(dir, record.file);
    const made = { database, export: entry.name, path };
    report('tables exported', { ...made, tables: exported.tables.length, rows, bytes: exported.bytes, ms });
    const doubt = record.doubt?.said;
    if (doubt !== undefined)
      report('copy in doubt', { of: database, schedule: entry.name, path, reason: doubt });
    const judged = await pruneExports(
      deps,
      { name: database, path: source },
      entry,
      { dryRun: false },
      signal,
    );
    const removed = judged.filter(({ keep }) => !keep).map(({ item }) => item.name);
    return { ...exported, ...made, at: madeAt, rows, ms, removed, ...(doubt !== undefined && { doubt }) };
  } finally {
    await rm(stored, { force: true });
    await rm(scratch, { force: true });
  }
}

interface Target {
  readonly database: Pick<DatabaseSettings, 'name' | 'path'>;
  readonly entry: ExportSettings;
  readonly place: Workplace;
}

async function publish(
  deps: ExportDeps,
  { database, entry, place }: Target,
  { bytes, sha256, tables }: Exported,
  { stored, file, at }: { readonly stored: string; readonly file: string; readonly at: number },
): Promise<CopyRecord> {
  const { directory } = place;
  const { timezone } = deps;
  try {
    const owner = await ownerOf(deps, database, entry);
    const earlier = recordsOf(await recordsIn(directory), owner);
    const amounts = Object.fromEntries(tables.map(({ name, rows }) => [name, rows]));
    const uptime = await uptimeNow();
    const doubt = doubtOf({ file, at, amounts, uptime }, earlier, entry.keep, timezone);
    const record: CopyRecord = {
      ...owner,
      file,
      at,
      count: await nextCount(directory, owner),
      uptime,
      bytes,
      sha256,
      amounts,
      ...(doubt !== undefined && { doubt }),
    };
    const temporary = await bringTo(place, stored, { mode: FILE_MODE, at, sha256 });
    const live = await liveFiles(deps.databases.map(({ path }) => path));
    return (await publishCopy({ directory, temporary, record, timezone, live })).record;
  } catch (error) {
    throw directoryFault(entry.dir, error);
  }
}
