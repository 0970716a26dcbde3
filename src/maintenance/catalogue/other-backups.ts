import { listExports, pruneExports, type ExportSettings } from '../export/index.ts';
import { effectiveLogs, type DatabaseSettings } from '../../platform/config/index.ts';
import { listArchives } from '../logrotate/index.ts';
import type { StoredCopy } from '../record/index.ts';
import { isoTime } from '../../platform/runtime/index.ts';
import type { Maintenance } from './maintenance.ts';

/** Tables as SQL. */
export interface ExportBackup {
  readonly kind: 'export';
  readonly database: string;
  readonly schedule: string;
  readonly where: 'local';
  readonly path: string;
  readonly name: string;
  readonly at: string;
  readonly bytes: number;
  /** It was loaded back when it was made. */
  readonly verified: boolean;
  /** What is wrong with it. */
  readonly damage?: string;
  readonly doubt?: string;
  readonly foreign?: string;
}

/** A rotated log. */
export interface ArchiveBackup {
  readonly kind: 'log';
  readonly log: string;
  readonly where: 'local';
  readonly path: string;
  readonly name: string;
  /** When it was last written to. */
  readonly at: string;
  readonly bytes: number;
  /** Nothing is noted of it that it could be compared with. */
  readonly verified: false;
}

/** The exports of one database, or of all. Throws FILE_UNREADABLE or PATH_UNSAFE. */
export async function exportBackups(
  maintenance: Maintenance,
  database: string | undefined,
): Promise<readonly ExportBackup[]> {
  const found: ExportBackup[] = [];
  for (const { one, entry } of entriesOf(maintenance, database))
    found.push(
      ...(await listExports(maintenance, one, entry)).map((copy) => asExport(one.name, entry.name, copy)),
    );
  return found;
}

/** What retention keeps and removes of one database's exports, or of all; with `dryRun` nothing goes. */
export async function pruneExportBackups(
  maintenance: Maintenance,
  database: string,
  { dryRun }: { dryRun: boolean },
  signal: AbortSignal,
): Promise<readonly (ExportBackup & { readonly keep: boolean; readonly reasons: readonly string[] })[]> {
  const judged = [];
  for (const { one, entry } of entriesOf(maintenance, database)) {
    for (const { item, keep, reasons } of await pruneExports(maintenance, one, entry, { dryRun }, signal))
      judged.push({ ...asExport(one.name, entry.name, item), keep, reasons });
  }
  return judged;
}

/** The archives of every log of the settings, and of wavspool's own. Throws what the system says. */
export async function archiveBackups({ settings, timezone }: Maintenance): Promise<readonly ArchiveBackup[]> {
  const found: ArchiveBackup[] = [];
  for (const entry of effectiveLogs(settings)) {
    for (const { at, ...archive } of await listArchives(entry, timezone))
      found.push({ kind: 'log', where: 'local', verified: false, ...archive, at: isoTime(at) });
  }
  return found;
}

function entriesOf(
  { databases }: Maintenance,
  name: string | undefined,
): readonly { readonly one: DatabaseSettings; readonly entry: ExportSettings }[] {
  return databases
    .filter((one) => name === undefined || one.name === name)
    .flatMap((one) => one.exports.map((entry) => ({ one, entry })));
}

function asExport(database: string, schedule: string, copy: StoredCopy): ExportBackup {
  const { path, name, at, bytes, verified, damage, doubt, foreign } = copy;
  return {
    kind: 'export',
    database,
    schedule,
    where: 'local',
    path,
    name,
    at: isoTime(at),
    bytes,
    verified,
    ...(damage !== undefined && { damage }),
    ...(doubt !== undefined && { doubt }),
    ...(foreign !== undefined && { foreign }),
  };
}
