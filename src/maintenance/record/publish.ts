import { linkSync, lstatSync, renameSync, unlinkSync, type BigIntStats } from 'node:fs';
import { lstat, rename } from 'node:fs/promises';
import { WavspoolError, errnoOf, unlessGone } from '../../domain/faults.ts';
import { at, identityOf, syncedIn, type Directory, type FileIdentity } from '../../platform/linux/index.ts';
import { timedName } from './names.ts';
import { isOf, type CopyRecord, type Owner } from './record.ts';
import { recordsIn, removeRecord, writeRecord } from './records.ts';

/** What file systems say that know no hardlinks. */
const NO_LINKS = new Set(['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK']);

export interface Publication {
  readonly directory: Directory;
  /** The name of the complete, synced file in that directory; it is used up. */
  readonly temporary: string;
  /** Of the copy; `file` is the name that it is to have. */
  readonly record: CopyRecord;
  readonly timezone: string;
  /** The files of live databases. */
  readonly live: ReadonlySet<FileIdentity>;
}

export interface Published {
  readonly record: CopyRecord;
  /** An older copy of its owner that had the name, under the one that it has now. */
  readonly displaced?: string;
}

/**
 * Gives a copy its name, and never the place of another: an older copy of its owner that has the name gets its own time into it; beside
 * anything else the new one does. The record stands before the name does, so that no copy is ever without. A crash leaves every
 * copy whole under the one name or the other. Throws COPY_IN_THE_WAY when a live database has the name.
 */
export async function publishCopy(publication: Publication): Promise<Published> {
  const { directory, record, timezone, live } = publication;
  const present = await lstat(at(directory, record.file), { bigint: true }).catch(unlessGone);
  const isFree = async (name: string): Promise<boolean> =>
    (await lstat(at(directory, name)).catch(unlessGone)) === undefined;
  const timed = (of: CopyRecord): Promise<string> =>
    timedName(of.file, of.at, timezone, async (name) => !(await isFree(name)));
  if (present !== undefined) refuseLive(directory, record.file, present, live);
  const known = present?.isFile() === true ? (await recordsIn(directory)).get(record.file) : undefined;
  const displaced =
    known !== undefined && isOf(known, record) ? await setAside(directory, known, timed) : undefined;
  const isPlain = present === undefined || displaced !== undefined;
  const named = isPlain ? record : { ...record, file: await timed(record) };
  await writeRecord(directory, named);
  if (give(directory, publication.temporary, named.file)) return synced(directory, named, displaced);
  const other = { ...record, file: await timed(record) }; // another process was quicker
  await writeRecord(directory, other);
  if (give(directory, publication.temporary, other.file)) return synced(directory, other, displaced);
  throw new WavspoolError(
    'FILE_UNREADABLE',
    `${directory.path}/${other.file}: others take every name that it is to get`,
  );
}

async function synced(
  directory: Directory,
  record: CopyRecord,
  displaced: string | undefined,
): Promise<Published> {
  await syncedIn(directory);
  return { record, ...(displaced !== undefined && { displaced }) };
}

function refuseLive(
  { path }: Directory,
  name: string,
  present: BigIntStats,
  live: ReadonlySet<FileIdentity>,
): void {
  if (!live.has(identityOf(present))) return;
  throw new WavspoolError(
    'COPY_IN_THE_WAY',
    `${path}/${name} is a live database, and a copy is to have its name`,
  );
}

async function setAside(
  directory: Directory,
  known: CopyRecord,
  timed: (of: CopyRecord) => Promise<string>,
): Promise<string> {
  const file = await timed(known);
  await writeRecord(directory, { ...known, file });
  await rename(at(directory, known.file), at(directory, file));
  await syncedIn(directory);
  await removeRecord(directory, known.file);
  return file;
}

/** False when something has the name. */
function give(directory: Directory, temporary: string, name: string): boolean {
  try {
    linkSync(at(directory, temporary), at(directory, name)); // not rename(2): it replaces what is there
    unlinkSync(at(directory, temporary));
    return true;
  } catch (error) {
    if (errnoOf(error) === 'EEXIST') return false;
    if (!NO_LINKS.has(errnoOf(error) ?? '')) throw error;
    if (lstatSync(at(directory, name), { throwIfNoEntry: false }) !== undefined) return false;
    renameSync(at(directory, temporary), at(directory, name));
    return true;
  }
}

/** How many copies of its owner a directory has seen: the next one gets one more. */
export async function nextCount(directory: Directory, owner: Owner): Promise<number> {
  const counts = [...(await recordsIn(directory)).values()]
    .filter((one) => isOf(one, owner))
    .map(({ count }) => count);
  return Math.max(0, ...counts) + 1;
}
