import { Buffer } from 'node:buffer';
import { hash } from 'node:crypto';
import { knownHead, type ListedObject, type ObjectStore } from '../../platform/s3/index.ts';
import { arrange, type Archive, type Base } from './chain.ts';
import { decodeBase } from './format.ts';
import { baseFile, type ParsedName, type SegmentName } from './names.ts';
import { counts, parseKey, type OffsiteSet } from './offsite-set.ts';

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
  /** Keys that look like an archive's files and do not count: nobody knows whose they are, or they are not whole. */
  readonly ignored: readonly string[];
}

/** How many heads are asked for at once. */
const HEADS_AT_ONCE = 32;
/** A description of a base is a line of JSON. */
const MOST_DESCRIPTION_BYTES = 64 * 1024;

/**
 * What lies below `prefix` of a database's points in time, set by set. An object counts only with metadata that a wavspool wrote
 * for that database and set, and with the length that it says; a base only with a description that is what was sent, and an image
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
  const heads = new Map<string, Readonly<Record<string, string>>>();
  for (let from = 0; from < listed.length; from += HEADS_AT_ONCE) {
    await Promise.all(
      listed.slice(from, from + HEADS_AT_ONCE).map(async (object) => {
        const head = await knownHead(store, object, signal);
        if (head !== undefined) heads.set(object.key, head.metadata);
      }),
    );
  }
  const archives: OffsiteArchive[] = [];
  for (const [set, objects] of Map.groupBy(listed, (object) => object.set)) {
    const good = new Map<string, OffsiteObject>();
    const ignored: string[] = [];
    let [origin, source] = ['', ''];
    for (const { key, name, parsed, size } of objects) {
      const metadata = heads.get(key);
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

/** An archive out of the objects that count. */
async function arranged(
  store: OffsiteStore['store'],
  objects: ReadonlyMap<string, OffsiteObject>,
  ignored: readonly string[],
  signal: AbortSignal,
): Promise<Archive> {
  const bases: Base[] = [];
  const segments: SegmentName[] = [];
  const damaged = [...ignored];
  for (const object of objects.values()) {
    const { parsed } = object;
    if (parsed.kind === 'segment') segments.push(parsed);
    if (parsed.kind !== 'base' || parsed.file !== 'json') continue;
    const base = await readBase(store, object, signal);
    const image = objects.get(baseFile(parsed, 'db.zst'));
    if (base?.position !== parsed.position || base.at !== parsed.at || base.storedSha256 !== image?.sha256)
      damaged.push(object.key);
    else bases.push({ ...base, verified: undefined });
  }
  return arrange(bases, segments, damaged);
}

const descriptions = new Map<string, Omit<Base, 'verified'>>();

async function readBase(
  store: OffsiteStore['store'],
  { key, bytes, sha256 }: OffsiteObject,
  signal: AbortSignal,
): Promise<Omit<Base, 'verified'> | undefined> {
  const known = descriptions.get(sha256);
  if (known !== undefined) return known;
  if (bytes > MOST_DESCRIPTION_BYTES) return undefined;
  const text = Buffer.concat(await Array.fromAsync(await store.get(key, signal)));
  if (hash('sha256', text) !== sha256) return undefined;
  const base = decodeBase(text.toString('utf8'));
  if (base !== undefined) descriptions.set(sha256, base);
  return base;
}
