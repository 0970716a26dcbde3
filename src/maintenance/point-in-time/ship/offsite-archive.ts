import { hash, randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { WavspoolError } from '../../../domain/faults.ts';
import { writeDurably } from '../../../platform/runtime/index.ts';
import { archiveOf, FILE_MODE, readIfThere, type PointInTimeDatabase } from '../archive/archive.ts';
import {
  ARCHIVE_ID_FILE,
  parseName,
  type ParsedName,
  fullBackupFile,
  type SegmentName,
} from '../archive/names.ts';
import { Buffer } from 'node:buffer';
import {
  knownHead,
  type ListedObject,
  type ObjectHead,
  type ObjectStore,
} from '../../../platform/s3/index.ts';
import { arrange, type Archive, type FullBackup } from '../archive/chain.ts';
import { decodeFullBackup } from '../archive/format.ts';

// Where restore points lie in the bucket: `<prefix><database>/<set>/<the archive's own file name>`. A set is one timeline of records
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
  // a key that was taken got the beginning of its hash
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

export interface OffsiteStore {
  readonly store: Pick<ObjectStore, 'head' | 'get' | 'list'>;
}

/** One of an archive's files in the bucket. */
export interface OffsiteObject {
  readonly key: string;
  /** The name that it has in an archive. */
  readonly name: string;
  readonly parsed: ParsedName;
  readonly bytes: number;
  readonly sha256: string;
}

/** What the bucket holds of one set. */
export interface OffsiteArchive {
  readonly prefix: string;
  readonly set: string;
  /** What its metadata says of the host and the path that it came from. */
  readonly origin: string;
  readonly source: string;
  /** By the names that they have in an archive. */
  readonly objects: ReadonlyMap<string, OffsiteObject>;
  readonly archive: Archive;
  /** Keys that look like an archive's files and do not count: of an unknown writer, or not whole. */
  readonly ignored: readonly string[];
}

/** How many heads are asked for at once. */
const HEADS_AT_ONCE = 32;
/** A description of a full backup is one line of JSON. */
const MOST_DESCRIPTION_BYTES = 64 * 1024;

/**
 * What lies below `prefix` of a database's restore points, set by set. An object counts only with metadata that a wavspool wrote
 * for that database and set, and with the length that it says; a full backup only with a description that is what was sent, and an image
 * that is the one described. Throws store faults.
 */
export async function readOffsite(
  { store }: OffsiteStore,
  prefix: string,
  database: string,
  signal: AbortSignal,
  only?: Pick<OffsiteSet, 'prefix'>,
): Promise<readonly OffsiteArchive[]> {
  const listed: (ListedObject & NonNullable<ReturnType<typeof parseKey>>)[] = [];
  for await (const object of store.list(only?.prefix ?? prefix, signal)) {
    const known = parseKey(prefix, object.key);
    if (known !== undefined) listed.push({ ...object, ...known });
  }
  const metadataOf = await metadataByKey(store, listed, signal);
  const archives: OffsiteArchive[] = [];
  for (const [set, objects] of Map.groupBy(listed, (object) => object.set)) {
    const good = new Map<string, OffsiteObject>();
    const ignored: string[] = [];
    let [origin, source] = ['', ''];
    for (const { key, name, parsed, size } of objects) {
      const metadata = metadataOf.get(key);
      if (metadata === undefined) continue; // removed since it was listed
      if (counts(metadata, size, { database, set })) {
        good.set(name, { key, name, parsed, bytes: size, sha256: metadata['sha256'] ?? '' });
        [origin, source] = [metadata['origin'] ?? '', metadata['source'] ?? ''];
      } else ignored.push(key);
    }
    const archive = await arranged(store, good, ignored, signal);
    archives.push({ prefix: `${prefix}${set}/`, set, origin, source, objects: good, archive, ignored });
  }
  return archives;
}

/** The metadata of each object that is still there. */
async function metadataByKey(
  store: OffsiteStore['store'],
  listed: readonly ListedObject[],
  signal: AbortSignal,
): Promise<ReadonlyMap<string, ObjectHead['metadata']>> {
  const found = new Map<string, ObjectHead['metadata']>();
  for (let from = 0; from < listed.length; from += HEADS_AT_ONCE) {
    await Promise.all(
      listed.slice(from, from + HEADS_AT_ONCE).map(async (object) => {
        const head = await knownHead(store, object, signal);
        if (head !== undefined) found.set(object.key, head.metadata);
      }),
    );
  }
  return found;
}

/** An archive out of the objects that count. */
async function arranged(
  store: OffsiteStore['store'],
  objects: ReadonlyMap<string, OffsiteObject>,
  ignored: readonly string[],
  signal: AbortSignal,
): Promise<Archive> {
  const fullBackups: FullBackup[] = [];
  const segments: SegmentName[] = [];
  const damaged = [...ignored];
  for (const object of objects.values()) {
    const { parsed } = object;
    if (parsed.kind === 'segment') segments.push(parsed);
    if (parsed.kind !== 'full backup' || parsed.file !== 'json') continue;
    const fullBackup = await readFullBackup(store, object, signal);
    const image = objects.get(fullBackupFile(parsed, 'db.zst'));
    if (
      fullBackup?.position !== parsed.position ||
      fullBackup.at !== parsed.at ||
      fullBackup.storedSha256 !== image?.sha256
    )
      damaged.push(object.key);
    else fullBackups.push({ ...fullBackup, verified: undefined });
  }
  return arrange(fullBackups, segments, damaged);
}

const descriptions = new Map<string, Omit<FullBackup, 'verified'>>();

async function readFullBackup(
  store: OffsiteStore['store'],
  { key, bytes, sha256 }: OffsiteObject,
  signal: AbortSignal,
): Promise<Omit<FullBackup, 'verified'> | undefined> {
  const known = descriptions.get(sha256);
  if (known !== undefined) return known;
  if (bytes > MOST_DESCRIPTION_BYTES) return undefined;
  const text = Buffer.concat(await Array.fromAsync(await store.get(key, signal)));
  if (hash('sha256', text) !== sha256) return undefined;
  const fullBackup = decodeFullBackup(text.toString('utf8'));
  if (fullBackup !== undefined) descriptions.set(sha256, fullBackup);
  return fullBackup;
}
