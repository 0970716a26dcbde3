import { readdir, readFile, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { DatabaseSettings } from '../../../platform/config/index.ts';
import { WavspoolError, errnoOf, messageOf } from '../../../domain/faults.ts';
import type { Report } from '../../../domain/events.ts';
import { makeDirectory, writeDurably, type Clock } from '../../../platform/runtime/index.ts';
import { arrange, type Archive, type FullBackup } from './chain.ts';
import { decodeFullBackup, decodeVerification, encodeVerification, type Verification } from './format.ts';
import { fullBackupFile, parseName, segmentFile, type FullBackupName, type SegmentName } from './names.ts';

/** A database and where its points lie. */
export type PointInTimeDatabase = Pick<DatabaseSettings, 'name' | 'path' | 'pointInTime'>;

export type PointInTime = NonNullable<DatabaseSettings['pointInTime']>;

/** What works on an archive needs beside it. */
export interface ArchiveDeps {
  readonly clock: Clock;
  readonly report: Report;
}

/** Copies of a database are as secret as the database (P9). */
export const FILE_MODE = 0o600;
export const DIRECTORY_MODE = 0o700;

/** The directory of a database's archive and its settings. Throws SETTINGS_INVALID when it has none. */
export function archiveOf({ name, pointInTime }: PointInTimeDatabase): PointInTime & { directory: string } {
  if (pointInTime === undefined) {
    const message = `databases: ${name} has no "pointInTime" in the settings`;
    throw new WavspoolError('SETTINGS_INVALID', message);
  }
  return { ...pointInTime, directory: join(pointInTime.dir, name) };
}

/** Reads what the archive in `directory` holds; nothing when there is none. Throws FILE_UNREADABLE. */
export async function readArchive(directory: string): Promise<Archive> {
  const names = await readNames(directory);
  const fullBackups: FullBackup[] = [];
  const segments: SegmentName[] = [];
  const damaged: string[] = [];
  for (const name of names) {
    const parsed = parseName(name);
    if (parsed?.kind === 'segment') segments.push(parsed);
    if (parsed?.kind !== 'full backup' || parsed.file !== 'json') continue;
    const fullBackup = await readFullBackup(directory, parsed, damaged);
    if (fullBackup !== undefined) fullBackups.push(fullBackup);
  }
  return arrange(fullBackups, segments, damaged);
}

async function readFullBackup(
  directory: string,
  name: FullBackupName,
  damaged: string[],
): Promise<FullBackup | undefined> {
  const text = await readIfThere(join(directory, fullBackupFile(name, 'json')));
  if (text === undefined) return undefined; // deleted since
  const fullBackup = decodeFullBackup(text);
  if (fullBackup?.position !== name.position || fullBackup.at !== name.at) {
    damaged.push(fullBackupFile(name, 'json'));
    return undefined;
  }
  const mark = fullBackupFile(name, 'verified.json');
  const marked = await readIfThere(join(directory, mark));
  const verified = marked === undefined ? undefined : decodeVerification(marked);
  if (marked !== undefined && verified?.position !== name.position) {
    damaged.push(mark);
    return { ...fullBackup, verified: undefined };
  }
  return { ...fullBackup, verified };
}

/** Notes that a chain was restored to a point and found sound. */
export async function markVerified(
  directory: string,
  fullBackup: FullBackupName,
  done: Verification,
): Promise<void> {
  await writeDurably(
    join(directory, fullBackupFile(fullBackup, 'verified.json')),
    encodeVerification(done),
    FILE_MODE,
  );
}

/** Makes the archive's directory. Throws FILE_UNREADABLE when something is in the way. */
export async function makeArchive(directory: string): Promise<void> {
  try {
    await makeDirectory(directory, DIRECTORY_MODE);
  } catch (error) {
    throw archiveFault(directory, error);
  }
}

/** Bytes of the records behind a full backup, as they are stored. */
export async function recordBytes(directory: string, segments: readonly SegmentName[]): Promise<number> {
  let bytes = 0;
  for (const segment of segments) bytes += (await sizeOf(join(directory, segmentFile(segment)))) ?? 0;
  return bytes;
}

export async function removeFiles(directory: string, names: readonly string[]): Promise<void> {
  for (const name of names) await rm(join(directory, name), { force: true });
}

/** undefined when there is no such file. */
export async function sizeOf(path: string): Promise<number | undefined> {
  try {
    return (await stat(path)).size;
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}

/** The text of a file; undefined when there is none. */
export async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}

/** Names of files in a directory; none when there is no such directory. */
async function readNames(directory: string): Promise<readonly string[]> {
  try {
    return await readdir(directory);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return [];
    throw archiveFault(directory, error);
  }
}

/** A system error about files in `directory` as DISK_FULL or FILE_UNREADABLE; what is ours or an abort stays as it is. */
export function archiveFault(directory: string, error: unknown): unknown {
  const errno = errnoOf(error);
  if (error instanceof WavspoolError || errno === undefined || errno === 'ABORT_ERR') return error;
  const full = errno === 'ENOSPC' || errno === 'EDQUOT';
  const message = full
    ? `no room for restore points, or for checking them, in ${directory}`
    : `restore points in ${directory}: ${messageOf(error)}`;
  return new WavspoolError(full ? 'DISK_FULL' : 'FILE_UNREADABLE', message, { cause: error });
}
