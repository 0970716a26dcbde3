import { join } from 'node:path';
import { faultCode, messageOf, WavspoolError } from '../../../domain/faults.ts';
import { sha256OfFile, writeDurably } from '../../../platform/runtime/index.ts';
import type { ObjectStore } from '../../../platform/s3/index.ts';
import {
  archiveOf,
  FILE_MODE,
  readArchive,
  readIfThere,
  sizeOf,
  type PointInTime,
  type PointInTimeDatabase,
} from '../archive/archive.ts';
import { arrange, chainsOf, headOf, rangeOf, type Archive, type Chain } from '../archive/chain.ts';
import { decodeOffsite, encodeOffsite, type Offsite } from '../archive/format.ts';
import { fullBackupFile, OFFSITE_FILE, parseName, segmentFile, type SegmentName } from '../archive/names.ts';
import { readOffsite, type OffsiteArchive, type OffsiteObject } from './offsite-archive.ts';
import {
  counts,
  newArchiveId,
  offsiteMetadata,
  offsitePrefix,
  ownSet,
  type OffsiteSet,
  type OriginDeps,
} from './offsite-archive.ts';
import type { ArchiveDeps } from '../archive/archive.ts';
import { judgeChains } from '../archive/judge-chains.ts';
import { readRecords } from '../archive/records.ts';

export interface ShipOffsiteDeps extends ArchiveDeps, OriginDeps {
  readonly store: Pick<ObjectStore, 'putIfAbsent' | 'head' | 'get' | 'list' | 'remove'>;
}

export interface ShippedPoints {
  /** Where in the bucket. */
  readonly prefix: string;
  readonly files: number;
  readonly bytes: number;
  /** Keys that retention has removed. */
  readonly removed: number;
}

/** The capture may still put small files of records together, but not ones that are this old. */
const SETTLED_MS = 150_000;
const CONTENT_TYPE = 'application/octet-stream';

/**
 * Brings what the archive of a database holds to the bucket, in the order of its positions, so that at every moment what is there
 * can be restored up to where it ends: the image of a full backup before its description, records behind the full backup. Each file is checked
 * before it is sent, and sent under its SHA-256; a crash leaves it to the next run. Then removes what `keep` does not keep. Safe to
 * repeat. Throws store faults, and SNAPSHOT_BAD when a file is damaged: what follows it goes offsite from the next full backup on.
 */
export async function shipPoints(
  deps: ShipOffsiteDeps,
  database: PointInTimeDatabase,
  signal: AbortSignal,
): Promise<ShippedPoints> {
  const { directory, mode } = archiveOf(database);
  const archive = await readArchive(directory);
  const { set, there } = await placeFor(deps, database, archive, signal);
  const objects = new Map(there.objects);
  const sent = { files: 0, bytes: 0 };
  const faults: string[] = [];
  try {
    for (const chain of chainsOf(archive)) {
      const fault = await shipChain(deps, { directory, mode, set, objects, sent }, chain, signal);
      if (fault === 'later') break;
      if (fault !== undefined) faults.push(fault);
    }
  } finally {
    if (sent.files > 0)
      deps.report('restore points shipped', { database: database.name, prefix: set.prefix, ...sent });
  }
  const fullBackups = [
    ...there.archive.fullBackups,
    ...archive.fullBackups.filter((fullBackup) => isWhole(fullBackup, objects)),
  ];
  const known = new Map(fullBackups.map((fullBackup) => [fullBackup.position, fullBackup]));
  const segments = [...objects.values()].flatMap(({ parsed }) => (parsed.kind === 'segment' ? [parsed] : []));
  const shipped = arrange([...known.values()], segments, []);
  const removed = await pruneShipped(deps, database, { archive, shipped, objects }, signal);
  await noteShipped(deps, set, directory, shipped, objects);
  if (faults.length > 0) throw new WavspoolError('SNAPSHOT_BAD', faults.join('; '));
  return { prefix: set.prefix, ...sent, removed };
}

/** Where this archive's files go; elsewhere than before when the bucket holds what this archive has not: it began anew. */
async function placeFor(
  deps: ShipOffsiteDeps,
  database: PointInTimeDatabase,
  archive: Archive,
  signal: AbortSignal,
): Promise<{ readonly set: OffsiteSet; readonly there: Pick<OffsiteArchive, 'objects' | 'archive'> }> {
  const prefix = offsitePrefix(database) ?? '';
  const nothing = { objects: new Map<string, OffsiteObject>(), archive: arrange([], [], []) };
  const set = await ownSet(deps, database);
  const [there = nothing] = await readOffsite(deps, prefix, database.name, signal, set);
  if ((headOf(there.archive)?.position ?? 0) <= (headOf(archive)?.position ?? 0)) return { set, there };
  await newArchiveId(archiveOf(database).directory);
  return { set: await ownSet(deps, database), there: nothing };
}

interface Shipping {
  readonly directory: string;
  readonly mode: PointInTime['mode'];
  readonly set: OffsiteSet;
  /** What is there, by name; what is brought is added. */
  readonly objects: Map<string, OffsiteObject>;
  readonly sent: { files: number; bytes: number };
}

/** Brings a chain's files in order. Returns why it stopped at one that is damaged, or `later` at one that is not ready. */
async function shipChain(
  deps: ShipOffsiteDeps,
  shipping: Shipping,
  chain: Chain,
  signal: AbortSignal,
): Promise<string | undefined> {
  const { directory, mode, objects } = shipping;
  const { fullBackup, segments } = chain;
  const files = [
    fullBackupFile(fullBackup, 'db.zst'),
    fullBackupFile(fullBackup, 'json'),
    ...segments.map(segmentFile),
  ];
  for (const name of files) {
    signal.throwIfAborted();
    if (objects.has(name) || isCovered(name, objects)) continue;
    if (mode === 'wal' && isGrowing(name, segments, deps.clock.now())) return 'later';
    const path = join(directory, name);
    const bytes = await sizeOf(path);
    if (bytes === undefined) return 'later'; // put together with others, or pruned, since it was listed
    try {
      await mustBeSound(directory, name, chain, signal);
      const object = await bring(deps, shipping, name, path, bytes, signal);
      objects.set(name, object);
    } catch (error) {
      if (faultCode(error) === 'RECORDING_MISSING') return 'later';
      if (faultCode(error) !== 'SNAPSHOT_BAD' && faultCode(error) !== 'RECORDING_CHANGED') throw error;
      return `not sent: ${messageOf(error)}`;
    }
    shipping.sent.files += 1;
    shipping.sent.bytes += bytes;
  }
  return undefined;
}

/** One record alone, behind which no larger file stands yet, may still be put together with others. */
function isGrowing(name: string, segments: readonly SegmentName[], now: number): boolean {
  const parsed = parseName(name);
  if (parsed?.kind !== 'segment' || parsed.first < parsed.last) return false;
  const isAfterAll = segments.every(({ first, last }) => first === last || last < parsed.first);
  return isAfterAll && Math.abs(now - parsed.to) < SETTLED_MS;
}

/** Whether the records of a file are there in others: it was put together from them, or with them. */
function isCovered(name: string, objects: ReadonlyMap<string, OffsiteObject>): boolean {
  const wanted = parseName(name);
  if (wanted?.kind !== 'segment') return false;
  const there = [...objects.values()].flatMap(({ parsed }) => (parsed.kind === 'segment' ? [parsed] : []));
  let next = wanted.first;
  for (const { first, last } of there.toSorted((a, b) => a.first - b.first))
    if (first <= next && last >= next) next = last + 1;
  return next > wanted.last;
}

/** What is damaged here must not look sound there. Throws SNAPSHOT_BAD. */
async function mustBeSound(
  directory: string,
  name: string,
  { fullBackup, segments }: Chain,
  signal: AbortSignal,
): Promise<void> {
  const segment = segments.find((one) => segmentFile(one) === name);
  if (segment !== undefined) {
    for await (const record of readRecords(directory, segment))
      if (record.header.position > segment.last) break;
    return;
  }
  if (!name.endsWith('.db.zst')) return; // a description was read, and carries its own sum
  if ((await sha256OfFile(join(directory, name), signal)) === fullBackup.storedSha256) return;
  throw new WavspoolError('SNAPSHOT_BAD', `${join(directory, name)} does not fit its SHA-256`);
}

/** Puts a file under its name, or, when something that does not count has its key, under another one. */
async function bring(
  { store }: ShipOffsiteDeps,
  { set }: Shipping,
  name: string,
  path: string,
  size: number,
  signal: AbortSignal,
): Promise<OffsiteObject> {
  const sha256 = await sha256OfFile(path, signal);
  const metadata = offsiteMetadata(set, size, sha256);
  const put = async (key: string): Promise<boolean> => {
    try {
      const object = { key, path, size, sha256, metadata, contentType: CONTENT_TYPE };
      if (!(await store.putIfAbsent(object, signal)).alreadyThere) return true;
      const head = await store.head(key, signal);
      return head !== undefined && counts(head.metadata, head.size, set);
    } catch (error) {
      if (faultCode(error) !== 'KEY_TAKEN') throw error;
      return false;
    }
  };
  const parsed = parseName(name);
  if (parsed === undefined) throw new Error(`${name} is none of an archive's files`);
  const plain = `${set.prefix}${name}`;
  const key = (await put(plain)) ? plain : `${plain}~${sha256.slice(0, 12)}`;
  if (key !== plain && !(await put(key)))
    throw new WavspoolError('KEY_TAKEN', `${key} and ${plain} hold other objects; ${path} is not offsite`);
  return { key, name, parsed, bytes: size, sha256 };
}

function isWhole(
  fullBackup: Archive['fullBackups'][number],
  objects: ReadonlyMap<string, OffsiteObject>,
): boolean {
  return objects.has(fullBackupFile(fullBackup, 'db.zst')) && objects.has(fullBackupFile(fullBackup, 'json'));
}

interface Pruning {
  /** What is on this host. */
  readonly archive: Archive;
  /** What is in the bucket. */
  readonly shipped: Archive;
  readonly objects: Map<string, OffsiteObject>;
}

/**
 * Removes what `keep` does not keep, as on this host: a full backup that was verified here is the same there, byte for byte. First the
 * description, without which the rest of a chain counts for nothing. Returns how many objects went.
 */
async function pruneShipped(
  { store, clock, report }: ShipOffsiteDeps,
  database: PointInTimeDatabase,
  { archive, shipped, objects }: Pruning,
  signal: AbortSignal,
): Promise<number> {
  const verified = new Map(
    archive.fullBackups.map((fullBackup) => [
      `${fullBackup.position} ${fullBackup.sha256}`,
      fullBackup.verified,
    ]),
  );
  const fullBackups = shipped.fullBackups.map((fullBackup) => ({
    ...fullBackup,
    verified: verified.get(`${fullBackup.position} ${fullBackup.sha256}`),
  }));
  const judged = { ...shipped, fullBackups };
  const going = judgeChains(judged, chainsOf(judged), archiveOf(database).keep, clock.now()).filter(
    ({ keep }) => !keep,
  );
  const names = going.flatMap(({ chain, segments }) => [
    ...(chain === undefined
      ? []
      : [fullBackupFile(chain.fullBackup, 'json'), fullBackupFile(chain.fullBackup, 'db.zst')]),
    ...segments.map(segmentFile),
  ]);
  const first = fullBackups[0]?.position ?? 0;
  for (const { name, parsed } of objects.values())
    if (parsed.kind === 'full backup' && parsed.position < first && !names.includes(name)) names.push(name); // a crash left it
  for (const segment of shipped.duplicates) names.push(segmentFile(segment));
  const removed = names.flatMap((name) => objects.get(name) ?? []);
  for (const { key, name } of removed) {
    await store.remove(key, signal);
    objects.delete(name);
  }
  if (removed.length > 0) {
    const bytes = removed.reduce((sum, object) => sum + object.bytes, 0);
    const chains = going.filter(({ chain }) => chain !== undefined).length;
    report('restore points pruned', {
      database: `${database.name} (offsite)`,
      chains,
      files: removed.length,
      bytes,
    });
  }
  return removed.length;
}

async function noteShipped(
  { clock }: ShipOffsiteDeps,
  { prefix }: OffsiteSet,
  directory: string,
  shipped: Archive,
  objects: ReadonlyMap<string, OffsiteObject>,
): Promise<void> {
  const present = {
    ...shipped,
    fullBackups: shipped.fullBackups.filter((fullBackup) => isWhole(fullBackup, objects)),
  };
  const chains = chainsOf({
    ...present,
    segments: present.segments.filter((segment) => objects.has(segmentFile(segment))),
  });
  const range = rangeOf(chains);
  const end = chains.at(-1)?.end;
  if (range === undefined || end === undefined) return;
  const note: Offsite = {
    prefix,
    position: end.position,
    to: end.at,
    from: range.from,
    points: chains.reduce((sum, { points }) => sum + points, 0),
    bytes: [...objects.values()].reduce((sum, { bytes }) => sum + bytes, 0),
    gaps: chains.reduce((sum, { missing }) => sum + missing.length, 0),
    at: clock.now(),
  };
  await writeDurably(join(directory, OFFSITE_FILE), encodeOffsite(note), FILE_MODE);
}

/** How far a database's points are offsite, as it was when that was last looked at. */
export interface OffsiteState {
  readonly note: Offsite | undefined;
  /** The time up to which all that was captured is there, ms since 1970; undefined when nothing was captured yet. */
  readonly coveredTo: number | undefined;
  /** Whether anything that was captured is not there. */
  readonly isBehind: boolean;
}

/** Reads the notes and names of an archive alone, and asks no store. `checkedAt`: when nothing was left to capture. */
export async function offsiteState(
  database: PointInTimeDatabase,
  checkedAt: number | undefined,
): Promise<OffsiteState> {
  const { directory } = archiveOf(database);
  const text = await readIfThere(join(directory, OFFSITE_FILE));
  const note = text === undefined ? undefined : decodeOffsite(text);
  const { fullBackups, segments } = await readArchive(directory);
  const position = note?.position ?? 0;
  const missing = [
    ...fullBackups.filter((fullBackup) => fullBackup.position > position).map(({ at }) => at),
    ...segments.filter(({ last }) => last > position).map(({ from }) => from),
  ];
  if (missing.length > 0)
    return { note, coveredTo: missing.reduce((a, b) => Math.min(a, b)), isBehind: true };
  return { note, coveredTo: fullBackups.length === 0 ? undefined : checkedAt, isBehind: false };
}
