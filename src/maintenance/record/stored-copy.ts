import { createHash } from 'node:crypto';
import { constants, type BigIntStats } from 'node:fs';
import { lstat, open, readdir, rm, type FileHandle } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { WavspoolError, errnoOf, messageOf, unlessGone } from '../../domain/faults.ts';
import {
  at,
  identityOf,
  openDirectory,
  type Directory,
  type FileIdentity,
} from '../../platform/linux/index.ts';
import { momentOf, type Dated, type DatedName, type FileNames, type Judged } from '../retention/index.ts';
import { RECORDS, recordsIn, removeRecord } from './records.ts';
import { isOf, openDoubt, type CopyRecord, type Owner } from './record.ts';

/** A copy that lies in a schedule's directory. */
export interface StoredCopy extends Dated {
  readonly path: string;
  readonly bytes: number;
  readonly label?: string | undefined;
  /** What is wrong with it: what the last reading found, or that its size is another. */
  readonly damage?: string | undefined;
  /** What is known of it; absent for one that was not adopted yet. */
  readonly record?: CopyRecord | undefined;
}

/** How one schedule's copies are told from what else lies in its directory. */
export interface Place {
  readonly dir: string;
  readonly owner: Owner;
  /** The names that the schedule gives: what fits and has no record may be adopted. */
  readonly names: FileNames;
  /** Every schedule that there is: what a record gives to another of them is listed there. */
  readonly owners: readonly Pick<Owner, 'kind' | 'source' | 'schedule'>[];
  /** The files of live databases. */
  readonly live: ReadonlySet<FileIdentity>;
  /** Whether a copy without a record was verified when it was made. */
  readonly isVerified: (path: string) => Promise<boolean>;
}

const NO_RECORD = 'no record says what made it: "wavspool snapshots adopt" takes it over';

/**
 * The copies of a schedule, newest first: what its records name, and, counting for nothing, what its name pattern fits and no
 * record gives to a schedule. Throws FILE_UNREADABLE or PATH_UNSAFE; a directory that is not there has none.
 */
export async function listCopies(place: Place): Promise<readonly StoredCopy[]> {
  const directory = await openIfThere(place.dir);
  if (directory === undefined) return [];
  await using own = directory;
  try {
    const records = await recordsIn(own);
    const found: StoredCopy[] = [];
    for (const name of await readdir(`/proc/self/fd/${own.fd}`)) {
      if (name === RECORDS) continue;
      const copy = await storedCopy(place, own, name, records.get(name));
      if (copy !== undefined) found.push(copy);
    }
    return found.toSorted(
      (a, b) => b.at - a.at || (b.count ?? 0) - (a.count ?? 0) || (a.name < b.name ? 1 : -1),
    );
  } catch (error) {
    throw unreadable(place.dir, error);
  }
}

async function storedCopy(
  place: Place,
  directory: Directory,
  name: string,
  record: CopyRecord | undefined,
): Promise<StoredCopy | undefined> {
  const dated = place.names.parse(name);
  const isNamed = record !== undefined && record.kind === place.owner.kind && names(record, place.owner);
  if (!isNamed && (dated === undefined || (record !== undefined && isListedElsewhere(place, record))))
    return undefined;
  const file = await lstat(at(directory, name), { bigint: true }).catch(unlessGone);
  if (file?.isFile() !== true || place.live.has(identityOf(file))) return undefined;
  const path = join(place.dir, name);
  if (record !== undefined) return fromRecord(place.owner, path, record, file);
  return dated === undefined ? undefined : fromName(dated, path, file, await place.isVerified(path));
}

/** A copy that has no record: what its name and its file tell. */
function fromName(dated: DatedName, path: string, file: BigIntStats, verified: boolean): StoredCopy {
  return {
    name: basename(path),
    path,
    at: momentOf(dated, Number(file.mtimeMs)),
    bytes: Number(file.size),
    foreign: NO_RECORD,
    ...(dated.label !== undefined && { label: dated.label }),
    verified,
  };
}

function fromRecord(owner: Owner, path: string, record: CopyRecord, file: BigIntStats): StoredCopy {
  const foreign = whyForeign(record, owner);
  const doubt = openDoubt(record);
  const bytes = Number(file.size);
  const damage = bytes === record.bytes ? record.damage?.said : otherSize(bytes, record);
  return {
    name: record.file,
    path,
    at: record.at,
    bytes,
    verified: damage === undefined,
    record,
    ...(damage !== undefined && { damage }),
    ...(record.count > 0 && { count: record.count }),
    ...(record.label !== undefined && { label: record.label }),
    ...(doubt !== undefined && { doubt }),
    ...(foreign !== undefined && { foreign }),
  };
}

function otherSize(bytes: number, record: CopyRecord): string {
  return `it has ${bytes} bytes, and its record says ${record.bytes}`;
}

function names({ source, schedule }: CopyRecord, owner: Pick<Owner, 'source' | 'schedule'>): boolean {
  return source.name === owner.source.name && schedule === owner.schedule;
}

function isListedElsewhere({ owners }: Place, record: CopyRecord): boolean {
  return owners.some((owner) => owner.kind === record.kind && names(record, owner));
}

/** Why a copy with a record is not this owner's to remove; undefined when it is. */
function whyForeign(record: CopyRecord, owner: Owner): string | undefined {
  if (isOf(record, owner)) return undefined;
  const { source, schedule, origin } = record;
  if (source.name !== owner.source.name || schedule !== owner.schedule)
    return `its record says that ${source.name} ${schedule} made it`;
  if (source.path !== owner.source.path) return `its record says that it is a copy of ${source.path}`;
  return `its record says that another wavspool made it (${origin})`;
}

/**
 * Removes what was judged to go, each only if it still is what its record says; one that is not stays, with the reason. Its
 * record goes after it. Throws what the system says, or the abort's reason.
 */
export async function removeCopies<T extends StoredCopy>(
  dir: string,
  judged: readonly Judged<T>[],
  live: ReadonlySet<FileIdentity>,
  signal: AbortSignal,
): Promise<readonly Judged<T>[]> {
  if (judged.every(({ keep }) => keep)) return judged;
  await using directory = await openDirectory(dir);
  const done: Judged<T>[] = [];
  for (const one of judged) {
    signal.throwIfAborted();
    const reason = one.keep ? undefined : await whyKept(directory, one.item, live, signal);
    if (reason === undefined && !one.keep) {
      await rm(at(directory, one.item.name), { force: true });
      await directory.handle.sync();
      await removeRecord(directory, one.item.name);
    }
    done.push(reason === undefined ? one : { item: one.item, keep: true, reasons: [reason] });
  }
  return done;
}

async function whyKept(
  directory: Directory,
  { name, record }: StoredCopy,
  live: ReadonlySet<FileIdentity>,
  signal: AbortSignal,
): Promise<string | undefined> {
  if (record === undefined) return NO_RECORD;
  const differs = await differsFromRecord(directory, record, signal);
  if (differs !== undefined) return differs;
  const file = await lstat(at(directory, name), { bigint: true }).catch(unlessGone);
  return file !== undefined && live.has(identityOf(file)) ? 'it is a live database' : undefined;
}

/** How the file of a copy differs from what its record says; undefined when it is that, or gone. */
export async function differsFromRecord(
  directory: Directory,
  record: CopyRecord,
  signal: AbortSignal,
): Promise<string | undefined> {
  const { file: name, sha256 } = record;
  const file = await openFile(directory, name);
  if (file === undefined) return undefined;
  try {
    const stats = await file.stat();
    if (!stats.isFile()) return 'it is no file any more';
    if (stats.size !== record.bytes) return `${otherSize(stats.size, record)}: look at it`;
    const hash = createHash('sha256');
    for await (const chunk of file.createReadStream({ autoClose: false, highWaterMark: 1024 * 1024, signal }))
      hash.update(chunk as Buffer);
    return hash.digest('hex') === sha256 ? undefined : 'it has changed since it was made: look at it';
  } finally {
    await file.close();
  }
}

async function openFile(directory: Directory, name: string): Promise<FileHandle | undefined> {
  try {
    return await open(at(directory, name), constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}

/** Opens the directory at `path`; undefined where there is none. Throws FILE_UNREADABLE or PATH_UNSAFE. */
export async function openIfThere(path: string): Promise<Directory | undefined> {
  try {
    return await openDirectory(path);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw unreadable(path, error);
  }
}

function unreadable(path: string, error: unknown): unknown {
  if (error instanceof WavspoolError) return error;
  return new WavspoolError('FILE_UNREADABLE', `${path} cannot be listed: ${messageOf(error)}`, {
    cause: error,
  });
}
