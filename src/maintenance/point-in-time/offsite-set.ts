import { hash, randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { WavspoolError } from '../../domain/faults.ts';
import { writeDurably } from '../../platform/runtime/index.ts';
import { archiveOf, FILE_MODE, readIfThere, type PointInTimeDatabase } from './archive.ts';
import { ARCHIVE_ID_FILE, parseName, type ParsedName } from './names.ts';

// Where points in time lie in the bucket: `<prefix><database>/<set>/<the archive's own file name>`. A set is one line of records
// of one archive, of one data directory, of one path: neither two hosts with the same settings nor an archive that began anew
// after its disk was lost can get into each other's.

/** Where one archive's files go in the bucket, and what their metadata says. */
export interface OffsiteSet {
  /** What the keys begin with, with a `/` at its end. */
  readonly prefix: string;
  readonly database: string;
  readonly set: string;
  readonly origin: string;
  readonly source: string;
}

export interface OriginDeps {
  /** The id of the data directory. */
  readonly origin: string;
}

/** What everything of a database's in the bucket begins with; undefined where its points do not go there. */
export function offsitePrefix({ name, pointInTime }: PointInTimeDatabase): string | undefined {
  return pointInTime?.offsite === undefined ? undefined : `${pointInTime.offsite.prefix}${name}/`;
}

/** What the metadata of a database's objects says of where it lies, short enough for a header. */
export function sourceId(path: string): string {
  return hash('sha256', path).slice(0, 32);
}

/** The set of an archive; it gets an id when it has none. Throws SNAPSHOT_BAD for an id that is none. */
export async function ownSet({ origin }: OriginDeps, database: PointInTimeDatabase): Promise<OffsiteSet> {
  const { directory } = archiveOf(database);
  const path = join(directory, ARCHIVE_ID_FILE);
  const id = (await readIfThere(path))?.trim() ?? (await newArchiveId(directory));
  if (!/^[0-9a-f-]{36}$/.test(id))
    throw new WavspoolError(
      'SNAPSHOT_BAD',
      `${path} holds no id: remove it, and a new set begins in the bucket`,
    );
  const source = sourceId(database.path);
  const set = hash('sha256', `${origin} ${source} ${id}`).slice(0, 16);
  const prefix = `${offsitePrefix(database) ?? ''}${set}/`;
  return { prefix, database: database.name, set, origin, source };
}

/** Gives an archive another id, so that what it holds from now on goes elsewhere in the bucket. */
export async function newArchiveId(directory: string): Promise<string> {
  const id = randomUUID();
  await writeDurably(join(directory, ARCHIVE_ID_FILE), `${id}\n`, FILE_MODE);
  return id;
}

/** What the metadata of an object says of it. */
export function offsiteMetadata(
  { database, set, origin, source }: OffsiteSet,
  bytes: number,
  sha256: string,
): Readonly<Record<string, string>> {
  return { sha256, kind: 'point-in-time', database, set, origin, source, bytes: String(bytes) };
}

/** What a key below a database's prefix is: of which set, and which of an archive's files. Undefined for anything else. */
export function parseKey(
  prefix: string,
  key: string,
): { set: string; name: string; parsed: ParsedName } | undefined {
  // a key that somebody else had taken got the beginning of its hash
  const [, set, name] = /^([0-9a-f]{16})\/([^/~]+)(?:~[0-9a-f]{12})?$/.exec(key.slice(prefix.length)) ?? [];
  const parsed = name === undefined ? undefined : parseName(name);
  return set === undefined || name === undefined || parsed === undefined ? undefined : { set, name, parsed };
}

/** Whether an object is what its name says: its metadata was written by a wavspool for this set, and it is as long as it says. */
export function counts(
  metadata: Readonly<Record<string, string>>,
  size: number,
  { database, set }: Pick<OffsiteSet, 'database' | 'set'>,
): boolean {
  return (
    metadata['kind'] === 'point-in-time' &&
    metadata['database'] === database &&
    metadata['set'] === set &&
    metadata['bytes'] === String(size) &&
    /^[0-9a-f]{64}$/.test(metadata['sha256'] ?? '')
  );
}
