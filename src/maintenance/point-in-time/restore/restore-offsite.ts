import { createWriteStream } from 'node:fs';
import { mkdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createHash } from 'node:crypto';
import { WavspoolError } from '../../../domain/faults.ts';
import { isoTime, temporaryPath } from '../../../platform/runtime/index.ts';
import {
  DIRECTORY_MODE,
  FILE_MODE,
  sizeOf,
  type PointInTimeDatabase,
  type ArchiveDeps,
} from '../archive/archive.ts';
import { chainsOf, rangeOf, type Chain } from '../archive/chain.ts';
import { fullBackupFile, segmentFile } from '../archive/names.ts';
import {
  readOffsite,
  type OffsiteArchive,
  type OffsiteObject,
  type OffsiteStore,
  offsitePrefix,
  sourceId,
  type OriginDeps,
} from '../ship/offsite-archive.ts';
import type { Upto } from '../archive/rebuild.ts';
import { restoreFrom, type Restored } from './restore.ts';

/** The restore points of one archive in the bucket. */
export interface OffsitePoints {
  /** What the keys begin with. */
  readonly prefix: string;
  /** Whether this wavspool put them there; others are only restored from. */
  readonly isOwn: boolean;
  /** The first time that can be restored, and the last that was captured, ms since 1970. */
  readonly from: number;
  readonly to: number;
  readonly points: number;
  readonly bytes: number;
  /** Nothing is missing within, and nothing lies there that does not count. */
  readonly isWhole: boolean;
  readonly offsite: OffsiteArchive;
}

/** Every archive of a database's name in the bucket that offers anything, the one that goes on longest first. Throws store faults. */
export async function listOffsitePoints(
  deps: OffsiteStore & OriginDeps,
  database: PointInTimeDatabase,
  signal: AbortSignal,
): Promise<readonly OffsitePoints[]> {
  const prefix = offsitePrefix(database);
  if (prefix === undefined) return [];
  const found = (await readOffsite(deps, prefix, database.name, signal)).flatMap(
    (offsite): OffsitePoints[] => {
      const chains = chainsOf(offsite.archive);
      const range = rangeOf(chains);
      if (range === undefined) return [];
      return [
        {
          prefix: offsite.prefix,
          isOwn: offsite.origin === deps.origin && offsite.source === sourceId(database.path),
          from: range.from,
          to: Math.max(range.to, chains.at(-1)?.segments.at(-1)?.to ?? 0),
          points: chains.reduce((sum, chain) => sum + chain.points, 0),
          bytes: [...offsite.objects.values()].reduce((sum, { bytes }) => sum + bytes, 0),
          isWhole:
            offsite.archive.damaged.length === 0 && chains.every(({ missing }) => missing.length === 0),
          offsite,
        },
      ];
    },
  );
  return found.toSorted((a, b) => b.to - a.to);
}

/**
 * As restorePoint, from the bucket alone: what it takes is brought to a directory below `scratch`, each file held against the
 * SHA-256 that it was sent with. Where an object is missing or is not what was sent, the fault says up to when can be restored.
 */
export async function restoreOffsitePoint(
  deps: ArchiveDeps & OffsiteStore,
  { name }: Pick<PointInTimeDatabase, 'name'>,
  { offsite, prefix }: OffsitePoints,
  at: number,
  target: string,
  scratch: string,
  signal: AbortSignal,
): Promise<Restored> {
  const directory = temporaryPath(scratch);
  await mkdir(directory, { mode: DIRECTORY_MODE });
  try {
    const place = {
      name,
      directory,
      where: prefix,
      read: () => Promise.resolve(offsite.archive),
      bring: (chain: Chain, upto: Upto) => bring(deps, offsite, directory, chain, upto, signal),
    };
    return await restoreFrom(deps, place, at, target, signal);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

/** Brings the files of a chain up to a point. Throws SNAPSHOT_BAD, or store faults. */
async function bring(
  deps: OffsiteStore,
  offsite: OffsiteArchive,
  directory: string,
  { fullBackup, segments }: Chain,
  upto: Upto,
  signal: AbortSignal,
): Promise<void> {
  const fetch = async (name: string, before: number | undefined): Promise<void> => {
    const object = offsite.objects.get(name);
    const hint =
      before === undefined ? '' : `; what was captured up to ${isoTime(before)}, before it, can be restored`;
    if (object === undefined)
      throw new WavspoolError('SNAPSHOT_BAD', `${offsite.prefix}${name} is missing${hint}`);
    const path = join(directory, name);
    if ((await sizeOf(path)) === object.bytes) return; // for another way to the same point
    if (!(await download(deps, object, path, signal)))
      throw new WavspoolError('SNAPSHOT_BAD', `${object.key} is not what was sent${hint}`);
  };
  await fetch(fullBackupFile(fullBackup, 'db.zst'), undefined);
  let before = fullBackup.at;
  for (const segment of segments) {
    if (upto.segment === undefined || segment.first > upto.segment.first) break;
    await fetch(segmentFile(segment), before);
    before = segment.to;
  }
}

/** False when its bytes are not those that were sent. */
async function download(
  { store }: OffsiteStore,
  { key, sha256 }: OffsiteObject,
  path: string,
  signal: AbortSignal,
): Promise<boolean> {
  const sum = createHash('sha256');
  const part = `${path}.part`;
  const summed = async function* (source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    for await (const chunk of source) {
      sum.update(chunk);
      yield chunk;
    }
  };
  const file = createWriteStream(part, { flags: 'w', mode: FILE_MODE });
  await pipeline(Readable.from(await store.get(key, signal)), summed, file, { signal });
  if (sum.digest('hex') !== sha256) return false;
  await rename(part, path);
  return true;
}
