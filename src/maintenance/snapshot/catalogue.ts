import { basename, dirname } from 'node:path';
import type { DatabaseSettings } from '../../platform/config/index.ts';
import { readPlainIn } from '../../platform/linux/index.ts';
import {
  listCopies,
  liveFiles,
  openIfThere,
  recordsIn,
  resolvedPath,
  type Owner,
  type Place,
  type StoredCopy,
} from '../record/index.ts';
import { fileNames } from '../retention/index.ts';
import type { SnapshotSchedule } from './schedules.ts';

/** What tells one wavspool's copies from another's. */
export interface CatalogueDeps {
  /** The id of the data directory. */
  readonly origin: string;
  readonly databases: readonly DatabaseSettings[];
  readonly timezone: string;
}

/** A snapshot that lies in its schedule's directory. */
export interface Snapshot extends StoredCopy {
  readonly database: string;
  readonly schedule: string;
}

/** The file beside a snapshot of an older wavspool that holds its SHA-256, in the form that `sha256sum -c` reads. */
export function hashFileOf(path: string): string {
  return `${path}.sha256`;
}

/** Whose the snapshots of a schedule are. */
export async function ownerOf(
  { origin }: Pick<CatalogueDeps, 'origin'>,
  { name, path }: Pick<DatabaseSettings, 'name' | 'path'>,
  { name: schedule }: Pick<SnapshotSchedule, 'name'>,
): Promise<Owner> {
  return { kind: 'snapshot', origin, source: { name, path: await resolvedPath(path) }, schedule };
}

/** The files of every database of the settings. */
export function liveDatabases({ databases }: Pick<CatalogueDeps, 'databases'>): ReturnType<typeof liveFiles> {
  return liveFiles(databases.map(({ path }) => path));
}

/** How the snapshots of a schedule are told from what else lies in its directory. */
export async function placeOf(
  deps: CatalogueDeps,
  database: Pick<DatabaseSettings, 'name' | 'path'>,
  schedule: SnapshotSchedule,
): Promise<Place> {
  return {
    dir: schedule.dir,
    owner: await ownerOf(deps, database, schedule),
    names: fileNames(schedule.file, deps.timezone, { name: database.name }),
    owners: deps.databases.flatMap(({ name, path, snapshots }) =>
      snapshots.map(({ name: schedule }) => ({
        kind: 'snapshot' as const,
        source: { name, path },
        schedule,
      })),
    ),
    live: await liveDatabases(deps),
    isVerified: async (path) => (await notedFacts(path)).hashes.length > 0,
  };
}

/** The snapshots of one schedule of a database, newest first. Throws FILE_UNREADABLE; a directory that is not there has none. */
export async function listSnapshots(
  deps: CatalogueDeps,
  database: Pick<DatabaseSettings, 'name' | 'path'>,
  schedule: SnapshotSchedule,
): Promise<readonly Snapshot[]> {
  const copies = await listCopies(await placeOf(deps, database, schedule));
  return copies.map((copy) => ({ ...copy, database: database.name, schedule: schedule.name }));
}

/** What was noted of a copy when it was made. */
export interface NotedFacts {
  /** The SHA-256 that it may have; none when none is known. */
  readonly hashes: readonly string[];
  /** The journal mode that its database had then; undefined when it is not known. */
  readonly journalMode?: string | undefined;
}

/** What is known of a copy, by its record or by the note of an older wavspool; nothing when there is neither. */
export async function notedFacts(path: string): Promise<NotedFacts> {
  const directory = await openIfThere(dirname(path));
  if (directory === undefined) return { hashes: [] };
  await using own = directory;
  const record = (await recordsIn(own)).get(basename(path));
  if (record !== undefined) return { hashes: [record.sha256], journalMode: record.journalMode };
  const text = (await readPlainIn(own, hashFileOf(basename(path)))) ?? '';
  return { hashes: [...text.matchAll(/^([0-9a-f]{64}) [ *]/gm)].map(([, hash = '']) => hash) };
}
