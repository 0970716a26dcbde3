import { createHash } from 'node:crypto';
import { mkdir, open, readdir, rename, rm } from 'node:fs/promises';
import { WavspoolError, errnoOf } from '../../domain/faults.ts';
import { at, openBelow, readPlainIn, syncedIn, type Directory } from '../../platform/linux/index.ts';
import { TEMPORARY_PREFIX, temporaryPath } from '../../platform/runtime/index.ts';
import { isOf, parseRecord, recordText, type CopyRecord, type Owner } from './record.ts';

// The records of the copies in a directory lie in `.wavspool` in it, one file each, so that nothing else lies beside the copies.

/** The directory below that of the copies. */
export const RECORDS = '.wavspool';

const ENDING = '.json';
const LONGEST_NAME_BYTES = 255;

/** The records of the copies in a directory, by the names of the copies. Throws PATH_UNSAFE, or what the system says. */
export async function recordsIn(directory: Directory): Promise<ReadonlyMap<string, CopyRecord>> {
  const records = new Map<string, CopyRecord>();
  await using below = await openRecords(directory);
  if (below === undefined) return records;
  for (const name of await readdir(`/proc/self/fd/${below.fd}`)) {
    if (!name.endsWith(ENDING) || name.startsWith(TEMPORARY_PREFIX)) continue;
    const text = await readPlainIn(below, name);
    const record = text === undefined ? undefined : parseRecord(text);
    if (record !== undefined && nameOf(record.file) === name) records.set(record.file, record);
  }
  return records;
}

/** Those of one owner, newest first by their count. */
export function recordsOf(records: ReadonlyMap<string, CopyRecord>, owner: Owner): readonly CopyRecord[] {
  return [...records.values()]
    .filter((record) => isOf(record, owner))
    .toSorted((a, b) => b.count - a.count || b.at - a.at);
}

/** Writes the record of `record.file`, in the place of one that is there. A crash leaves the old one or the new one. */
export async function writeRecord(directory: Directory, record: CopyRecord): Promise<void> {
  await mkdir(at(directory, RECORDS), { mode: 0o700 }).catch((error: unknown) => {
    if (errnoOf(error) !== 'EEXIST') throw error;
  });
  await using below = await openRecords(directory);
  if (below === undefined) throw unsafe(directory);
  const temporary = temporaryPath(`/proc/self/fd/${below.fd}`);
  try {
    const file = await open(temporary, 'wx', 0o600);
    try {
      await file.writeFile(recordText(record));
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, at(below, nameOf(record.file)));
  } finally {
    await rm(temporary, { force: true });
  }
  await syncedIn(below);
  await syncedIn(directory);
}

/** Removes the record of a copy; none is no error. */
export async function removeRecord(directory: Directory, file: string): Promise<void> {
  await using below = await openRecords(directory);
  if (below === undefined) return;
  await rm(at(below, nameOf(file)), { force: true });
  await syncedIn(below);
}

/** Removes the records whose copies are gone: a crash between the two removals leaves one. */
export async function sweepRecords(directory: Directory): Promise<void> {
  const names = new Set(await readdir(`/proc/self/fd/${directory.fd}`));
  for (const file of (await recordsIn(directory)).keys())
    if (!names.has(file)) await removeRecord(directory, file);
}

async function openRecords(directory: Directory): Promise<Directory | undefined> {
  try {
    return await openBelow(directory, RECORDS);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    if (errnoOf(error) === 'ENOTDIR' || errnoOf(error) === 'ELOOP') throw unsafe(directory);
    throw error;
  }
}

function unsafe({ path }: Directory): WavspoolError {
  return new WavspoolError('PATH_UNSAFE', `${path}/${RECORDS} is no directory: move it away`);
}

/** The name of the record of a copy. */
function nameOf(file: string): string {
  const name = file + ENDING;
  if (Buffer.byteLength(name) <= LONGEST_NAME_BYTES) return name;
  return createHash('sha256').update(file).digest('hex') + ENDING;
}
