import { existsSync } from 'node:fs';
import { dirname } from 'node:path';
import { faultCode, WavspoolError } from '../../../domain/faults.ts';
import {
  isoTime,
  publishUnlessTaken,
  syncDirectory,
  temporaryPath,
} from '../../../platform/runtime/index.ts';
import {
  archiveFault,
  archiveOf,
  readArchive,
  type PointInTimeDatabase,
  type ArchiveDeps,
} from '../archive/archive.ts';
import {
  chainsOf,
  choosePoint,
  rangeOf,
  waysTo,
  type Archive,
  type Chain,
  type Choice,
} from '../archive/chain.ts';
import { removeCopy } from '../archive/full-backup.ts';
import { finishElsewhere, namesOf, readChecked } from './restore-points.ts';
import { rebuild, type Rebuilt, type Upto } from '../archive/rebuild.ts';

/** A restored state. */
export interface Restored {
  /** When it was captured, ms since 1970: at or before the time that was asked for. */
  readonly at: number;
  readonly position: number;
  readonly pageSize: number;
  readonly pageCount: number;
  readonly digest: string;
  /** What the live database had; the restored file has `delete`, so that it stands alone. */
  readonly journalMode: string;
}

/**
 * Brings back the last state that was captured at or before `at` (ms since 1970), in a new database file `target` that gets
 * its name only when it was found sound: every checksum, the digest of the whole state, `integrity_check`. Should a full backup be
 * damaged, it goes by an older one. Throws SNAPSHOT_UNKNOWN when `at` lies outside of what was captured, SNAPSHOT_BAD when
 * the state cannot be brought back, USAGE when `target` exists, DISK_FULL, FILE_UNREADABLE, or the abort's reason.
 */
export async function restorePoint(
  deps: ArchiveDeps,
  database: PointInTimeDatabase,
  at: number,
  target: string,
  signal: AbortSignal,
): Promise<Restored> {
  const { directory } = archiveOf(database);
  const read = () => readArchive(directory);
  const place = { name: database.name, directory, where: directory, read, bring: () => Promise.resolve() };
  return restoreFrom(deps, place, at, target, signal);
}

/** Where a timeline of records is to be found. */
export interface PointsPlace {
  readonly name: string;
  /** The directory in which the files lie once they were brought. */
  readonly directory: string;
  /** In words. */
  readonly where: string;
  readonly read: () => Promise<Archive>;
  /** Sees that the files of a chain up to a point lie there. Throws SNAPSHOT_BAD. */
  readonly bring: (chain: Chain, upto: Upto) => Promise<void>;
}

/** As {@link restorePoint}, wherever the records come from. */
export async function restoreFrom(
  deps: ArchiveDeps,
  place: PointsPlace,
  at: number,
  target: string,
  signal: AbortSignal,
): Promise<Restored> {
  for (const suffix of ['', '-wal', '-shm', '-journal']) {
    if (existsSync(`${target}${suffix}`))
      throw new WavspoolError('USAGE', `${target}${suffix} is there already`);
  }
  const copy = temporaryPath(dirname(target));
  try {
    const { rebuilt, chain } = await rebuildPoint(deps, place, at, copy, signal);
    if (!publishUnlessTaken(copy, target)) {
      throw new WavspoolError('USAGE', `${target} is there already`);
    }
    await syncDirectory(dirname(target));
    const { position, pageSize, pageCount, digest } = rebuilt;
    return {
      at: rebuilt.at,
      position,
      pageSize,
      pageCount,
      digest,
      journalMode: chain.fullBackup.journalMode,
    };
  } catch (error) {
    throw archiveFault(dirname(target), error);
  } finally {
    await removeCopy(copy);
  }
}

async function rebuildPoint(
  deps: ArchiveDeps,
  place: PointsPlace,
  at: number,
  copy: string,
  signal: AbortSignal,
): Promise<{ rebuilt: Rebuilt; chain: Chain }> {
  const chains = chainsOf(await place.read());
  const choice = await choiceOf(place, chains, at);
  const faults: unknown[] = [];
  for (const chain of waysTo(chains, choice.chain)) {
    await removeCopy(copy);
    try {
      const upto = { segment: choice.segment, at };
      await place.bring(chain, upto);
      const rebuilt = await proven(deps, place.directory, chain, upto, copy, signal);
      return { rebuilt, chain };
    } catch (error) {
      if (faultCode(error) !== 'SNAPSHOT_BAD') throw error;
      faults.push(error);
    }
  }
  const again = chainsOf(await place.read());
  if (again.map(namesOf).join('\n') !== chains.map(namesOf).join('\n')) {
    return rebuildPoint(deps, place, at, copy, signal); // files were put together or pruned meanwhile
  }
  throw faults[0];
}

async function proven(
  deps: ArchiveDeps,
  directory: string,
  chain: Chain,
  upto: Upto,
  copy: string,
  signal: AbortSignal,
): Promise<Rebuilt> {
  const rebuilt = await rebuild(directory, chain, upto, copy, signal);
  const faults = await finishElsewhere(deps)(copy, signal);
  if (faults.length === 0) return rebuilt;
  const message = `${directory}: integrity_check of what was restored finds: ${faults.join('; ')}`;
  throw new WavspoolError('SNAPSHOT_BAD', message);
}

async function choiceOf(
  { name, directory, where }: PointsPlace,
  chains: readonly Chain[],
  at: number,
): Promise<Extract<Choice, { kind: 'restore' }>> {
  const range = rangeOf(chains);
  if (range === undefined) {
    throw new WavspoolError('SNAPSHOT_UNKNOWN', `${name}: ${where} holds no restore point`);
  }
  // what lies behind a hole was captured, and is not to be passed over in silence
  const last = chains.at(-1)?.segments.at(-1)?.to ?? 0;
  const to = Math.max(range.to, last, (await readChecked(directory))?.at ?? 0);
  const choice = choosePoint(chains, at);
  if (choice.kind === 'outside' || at > to) {
    const message = `${name} can be restored to times from ${isoTime(range.from)} to ${isoTime(to)}, not to ${isoTime(at)}`;
    throw new WavspoolError('SNAPSHOT_UNKNOWN', message);
  }
  if (choice.kind === 'restore') return choice;
  const lost = choice.missing.map(({ first, last }) => `${first} to ${last}`).join(', ');
  const message = `${name}: the way to ${isoTime(at)} is broken in ${where}: the records ${lost} are missing; before them the last point is ${isoTime(choice.reachable)}`;
  throw new WavspoolError('SNAPSHOT_BAD', message);
}
