import { readFile, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { WavspoolError, errnoOf, messageOf, unlessGone } from '../faults.ts';
import { fileNames, momentOf } from '../retention/index.ts';
import type { SnapshotSchedule } from './schedules.ts';

/** A snapshot that lies in its schedule's directory. */
export interface Snapshot {
  readonly database: string;
  readonly schedule: string;
  readonly name: string;
  readonly path: string;
  /** When its database was read, ms since 1970. */
  readonly at: number;
  readonly bytes: number;
  readonly label?: string;
  /** It was verified when it was made: its hash was noted beside it then. */
  readonly verified: boolean;
}

const HASHES = '.sha256';

/** The file beside a snapshot that holds its SHA-256, in the form that `sha256sum -c` reads. */
export function hashFileOf(path: string): string {
  return path + HASHES;
}

/**
 * The snapshots of one schedule of a database, newest first: the files in its directory that its name pattern gives,
 * compressed or not. Throws FILE_UNREADABLE; a directory that is not there has none.
 */
export async function listSnapshots(
  database: string,
  schedule: SnapshotSchedule,
  timezone: string,
): Promise<readonly Snapshot[]> {
  const names = fileNames(schedule.file, timezone, { name: database });
  const found: Snapshot[] = [];
  for (const name of await namesIn(schedule.dir)) {
    const dated = names.parse(name);
    if (dated === undefined) continue;
    const path = join(schedule.dir, name);
    const file = await stat(path).catch(unlessGone);
    if (file?.isFile() !== true) continue;
    found.push({
      database,
      schedule: schedule.name,
      name,
      path,
      at: momentOf(dated, file.mtimeMs),
      bytes: file.size,
      ...(dated.label !== undefined && { label: dated.label }),
      verified: (await notedHashes(path)).length > 0,
    });
  }
  return found.toSorted((a, b) => b.at - a.at || (a.name < b.name ? 1 : -1));
}

/**
 * The SHA-256 noted for a snapshot; none when there is no such note. There are two for the moment in which a snapshot takes
 * the place of one of the same name.
 */
export async function notedHashes(path: string): Promise<readonly string[]> {
  const text = await readFile(hashFileOf(path), 'utf8').catch(unlessGone);
  return [...(text ?? '').matchAll(/^([0-9a-f]{64}) [ *]/gm)].map(([, hash = '']) => hash);
}

async function namesIn(directory: string): Promise<readonly string[]> {
  try {
    return await readdir(directory);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return [];
    throw new WavspoolError('FILE_UNREADABLE', `${directory} cannot be listed: ${messageOf(error)}`, {
      cause: error,
    });
  }
}
