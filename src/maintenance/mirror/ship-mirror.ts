import { Buffer } from 'node:buffer';
import { constants, createWriteStream } from 'node:fs';
import { open, readlink, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { createGzip, type Gzip } from 'node:zlib';
import { once } from 'node:events';
import { pipeline } from 'node:stream/promises';
import type { Report } from '../../domain/events.ts';
import { WavspoolError, faultCode, messageOf } from '../../domain/faults.ts';
import { openDirectory, type Directory } from '../../platform/linux/index.ts';
import { applyKeep } from '../retention/index.ts';
import { makeDirectory, sha256OfFile, temporaryPath, type Clock } from '../../platform/runtime/index.ts';
import { listMirrors, type StoredMirror } from './catalogue.ts';
import { HASHED_AT_ONCE } from './hash.ts';
import { inOrder } from './in-order.ts';
import { inStep } from './in-step.ts';
import { readManifest } from './manifest.ts';
import { MANIFEST } from './names.ts';
import {
  dateKey,
  dateMetadata,
  listOffsiteMirrors,
  prefixOf,
  type Offsite,
  type OffsiteDeps,
  type OffsiteMirror,
} from './offsite-catalogue.ts';
import { attributesOf, contentKey, entriesFrom, placeOf, type TreeEntry } from './offsite-tree.ts';
import { ownerOf } from './owner.ts';
import { pruneOffsiteMirror } from './prune-offsite.ts';
import { textOf, walk, type Walked } from './walk.ts';

export interface ShipDeps extends OffsiteDeps {
  readonly clock: Clock;
  readonly report: Report;
  readonly dataDirectory: string;
}

export interface ShippedMirror {
  /** The dates that were brought, by their keys. */
  readonly shipped: readonly string[];
  /** Files whose content was not there yet. */
  readonly files: number;
  readonly bytes: number;
  readonly removed: readonly string[];
}

/**
 * Brings every good date of the mirror that its offsite rule keeps, and that is not there yet, to the bucket, the oldest first:
 * the content that is missing under its SHA-256, which the store checks, then the list of the date. Then removes what the rule does
 * not keep. Safe to repeat: what an earlier try brought is not sent again. Throws store faults, or MIRROR_FAILED for a date whose
 * files are not what its manifest says, and where another wavspool keeps dates at this place.
 */
export async function shipMirror(
  deps: ShipDeps,
  mirror: Offsite,
  signal: AbortSignal,
): Promise<ShippedMirror> {
  const prefix = prefixOf(mirror);
  const result = { shipped: [] as string[], files: 0, bytes: 0 };
  if (prefix === undefined) return { ...result, removed: [] };
  const there = await listOffsiteMirrors(deps, mirror, signal);
  refuseStrangers(there);
  const missing = wanted(await listMirrors(mirror, deps), there, mirror, deps);
  if (missing.length > 0) {
    const content = await contentThere(deps, prefix, there, signal);
    for (const date of missing) {
      const sent = await shipDate(deps, mirror, { prefix, date, content }, signal);
      result.shipped.push(sent.key);
      result.files += sent.files;
      result.bytes += sent.bytes;
    }
  }
  const judged = await pruneOffsiteMirror(deps, mirror, { dryRun: false }, signal);
  return { ...result, removed: judged.filter(({ keep }) => !keep).map(({ item }) => item.key) };
}

/** Whose content is stored once for all dates cannot be shared by two that remove it. */
function refuseStrangers(there: readonly OffsiteMirror[]): void {
  const stranger = there.find(({ foreign }) => foreign !== undefined);
  if (stranger === undefined) return;
  throw new WavspoolError(
    'MIRROR_FAILED',
    `${stranger.key} was not put there by this mirror: choose another "offsite.prefix", or move it away`,
  );
}

/** Those that would stay if they were there, the oldest first: what goes at once again need not be brought. */
function wanted(
  local: readonly StoredMirror[],
  there: readonly OffsiteMirror[],
  { offsite }: Offsite,
  { clock, timezone }: ShipDeps,
): readonly StoredMirror[] {
  const known = new Set(there.map(({ at }) => at));
  const good = local.filter(
    ({ at, verified, foreign, doubt }) =>
      verified && foreign === undefined && doubt === undefined && !known.has(at),
  );
  const all: readonly (StoredMirror | OffsiteMirror)[] = [...good, ...there];
  const kept = new Set(
    applyKeep(all, offsite?.keep, timezone, clock.now())
      .filter(({ keep }) => keep)
      .map(({ item }) => item),
  );
  return good.filter((one) => kept.has(one)).toReversed();
}

/** What is in the bucket for sure: what the newest date there names, as far as it is listed with its size. */
async function contentThere(
  { store }: ShipDeps,
  prefix: string,
  there: readonly OffsiteMirror[],
  signal: AbortSignal,
): Promise<Set<string>> {
  const [newest] = there;
  if (newest === undefined) return new Set();
  const named = new Map<string, number>();
  for await (const entry of entriesFrom(await store.get(newest.key, signal), newest.key, newest.sha256)) {
    if (entry.type === 'file') named.set(contentKey(prefix, entry.sha256), entry.size);
  }
  const present = new Set<string>();
  for await (const { key, size } of store.list(`${prefix}files/`, signal))
    if (named.get(key) === size) present.add(key);
  return present;
}

interface Shipping {
  readonly prefix: string;
  readonly date: StoredMirror;
  /** The keys of content that is there; what is brought is added. */
  readonly content: Set<string>;
}

interface Sent {
  readonly key: string;
  readonly files: number;
  readonly bytes: number;
}

async function shipDate(
  deps: ShipDeps,
  mirror: Offsite,
  shipping: Shipping,
  signal: AbortSignal,
): Promise<Sent> {
  const { dataDirectory, store, report } = deps;
  const { prefix, date } = shipping;
  const scratch = join(dataDirectory, 'scratch');
  await makeDirectory(scratch);
  const list = temporaryPath(scratch);
  await using tree = await openDirectory(date.path);
  try {
    const sent = await bringContent(deps, tree, shipping, list, signal);
    const key = dateKey(prefix, date.at, deps.timezone);
    const sha256 = await sha256OfFile(list, signal);
    await using stored = await open(list);
    const { size } = await stored.stat();
    const owner = await ownerOf(mirror, deps.origin);
    const { at, count = 0, files = 0, apparentBytes = 0 } = date;
    const metadata = dateMetadata(owner, { at, count, files, apparentBytes, sha256, listBytes: size });
    await store.putIfAbsent(
      { key, path: list, size, sha256, metadata, contentType: 'application/gzip' },
      signal,
    );
    report('mirror shipped', { mirror: mirror.name, key, files: sent.files, bytes: sent.bytes });
    return { key, ...sent };
  } finally {
    await rm(list, { force: true });
  }
}

/** Brings what content is missing, and writes the list of the date to the new file `list`. */
async function bringContent(
  { store }: ShipDeps,
  tree: Directory,
  { prefix, date, content }: Shipping,
  list: string,
  signal: AbortSignal,
): Promise<{ files: number; bytes: number }> {
  const sent = { files: 0, bytes: 0 };
  const lines = inStep(readManifest(tree));
  const packed = createGzip();
  const written = pipeline(packed, createWriteStream(list, { flags: 'wx', mode: 0o600 }));
  written.catch(() => undefined); // it is awaited below
  async function* noted(): AsyncGenerator<Walked & { sha256: string | undefined }> {
    for await (const walked of walk(tree)) {
      if (walked.path === MANIFEST) continue;
      const { stats, path } = walked;
      const isNoted = stats.isFile() || stats.isSymbolicLink();
      yield { ...walked, sha256: isNoted ? (await lines.lineOf(path))?.sha256 : undefined };
    }
  }
  try {
    // held from its first moment: the walk goes on, and closes what is not held
    const entries = inOrder(noted(), HASHED_AT_ONCE, (walked) =>
      walked.use(async (here) => {
        signal.throwIfAborted();
        const entry = await entryOf(walked, here, date);
        if (entry?.type !== 'file') return entry;
        const key = contentKey(prefix, entry.sha256);
        if (content.has(key)) return entry;
        content.add(key);
        await bringFile(store, here, { key, entry, path: `${date.path}/${textOf(walked.path)}` }, signal);
        sent.files += 1;
        sent.bytes += entry.size;
        return entry;
      }),
    );
    for await (const entry of entries)
      if (entry !== undefined) await write(packed, `${JSON.stringify(entry)}\n`);
    packed.end();
    await written;
    return sent;
  } catch (error) {
    packed.destroy();
    await written.catch(() => undefined); // its end is this fault's
    throw error;
  } finally {
    await lines.close();
  }
}

/** Pipes, sockets and devices are not brought: there is nothing in them. */
async function entryOf(
  { path, stats, sha256 }: Walked & { readonly sha256: string | undefined },
  here: Buffer,
  date: StoredMirror,
): Promise<TreeEntry | undefined> {
  const about = { ...placeOf(path), ...attributesOf(stats) };
  if (stats.isDirectory()) return { type: 'directory', ...about };
  if (stats.isSymbolicLink()) {
    const target = await readlink(here, { encoding: 'buffer' });
    return { type: 'symlink', ...about, target: target.toString('base64') };
  }
  if (!stats.isFile()) return undefined;
  if (sha256 === undefined)
    throw new WavspoolError(
      'MIRROR_FAILED',
      `${date.path}/${textOf(path)} is not in the manifest; it is not sent`,
    );
  return { type: 'file', ...about, size: Number(stats.size), sha256 };
}

async function bringFile(
  store: ShipDeps['store'],
  here: Buffer,
  { key, entry, path }: { key: string; entry: { size: number; sha256: string }; path: string },
  signal: AbortSignal,
): Promise<void> {
  const { size, sha256 } = entry;
  try {
    // by its descriptor: its name may be no UTF-8, and its path longer than Linux takes
    await using file = await open(here, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    const object = { key, path: `/proc/self/fd/${file.fd}`, size, sha256 };
    await store.putIfAbsent(
      { ...object, metadata: { sha256 }, contentType: 'application/octet-stream' },
      signal,
    );
  } catch (error) {
    if (faultCode(error) !== 'RECORDING_CHANGED') throw error;
    const problem = `${path} is not what its manifest says; the date is not sent: ${messageOf(error)}`;
    throw new WavspoolError('MIRROR_FAILED', problem, { cause: error });
  }
}

async function write(packed: Gzip, text: string): Promise<void> {
  if (!packed.write(text)) await once(packed, 'drain');
}
