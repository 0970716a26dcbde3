import { constants, createReadStream, createWriteStream, type Stats } from 'node:fs';
import { chmod, chown, copyFile, realpath, rename, rm, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { WavspoolError, errnoOf, unlessGone } from '../../domain/faults.ts';
import { namePattern } from '../retention/index.ts';
import {
  makeDirectory,
  sweepTemporaries,
  syncDirectory,
  syncFile,
  temporaryPath,
} from '../../platform/runtime/index.ts';
import {
  copyInto,
  copyPinned,
  headerOf,
  integrityFaults,
  isOpenElsewhere,
  openCopy,
  openForeign,
  pageSize,
  pin,
  consolidateCopy,
  setWalMode,
} from '../../platform/sqlite/index.ts';
import { mustFit } from './must-fit.ts';

/** What SQLite may have beside a database. */
const BESIDE = ['-wal', '-journal', '-shm'];
/** What a new database may have at most: none is executed. */
const FILE_MODE = 0o666;

export interface Swap {
  readonly database: string;
  /** The live database's path as the settings have it. */
  readonly path: string;
  /** The checked, uncompressed copy: a file in the same directory, which is used up, or an open one of another. */
  readonly good: string | { readonly fd: number };
  /** Whether other programs have the database open. */
  readonly isHeld: boolean;
  /** SQL that must give 1 before anything is touched. */
  readonly asserts: readonly string[];
  /** Its owner alone may read it, whatever its directory suggests. */
  readonly isPrivate: boolean;
  /** Of the database when the copy was taken; undefined when it is not known. */
  readonly journalMode?: string;
  /** ms since 1970, and the zone of dates in names. */
  readonly now: number;
  readonly timezone: string;
}

/** What is kept of what was there before, and how it can be told again. */
export interface Saved {
  readonly path: string;
  /** Device and inode, and what else a file of that name must have to be this one. */
  readonly dev: number;
  readonly ino: number;
  readonly bytes: number;
}

export interface PutInPlace {
  /** The database's path, symlinks resolved. */
  readonly path: string;
  /** undefined when there was nothing. */
  readonly saved?: Saved;
}

/**
 * Puts a good copy in the place of a database, with owner, group, mode and journal mode of what was there, or, where nothing
 * was, of its directory:
 * 1. The copy is asked whether it fits: see must-fit.ts.
 * 2. What is there is kept.
 * 3. A healthy database is overwritten by SQLite's own backup in one transaction, which a program that has it open survives and
 *    no stale `-wal` can spoil; a damaged one, or one of another page size, is replaced as a file, which needs that no process has
 *    it open.
 * 4. It is checked again where it lies now.
 * A crash leaves the old content or the new one. Throws SNAPSHOT_BAD and SNAPSHOT_OTHER before anything is touched,
 * DATABASE_HELD, DATABASE_BUSY, DISK_FULL.
 */
export async function putInPlace(swap: Swap, signal: AbortSignal): Promise<PutInPlace> {
  const path = await resolved(swap.path);
  const directory = dirname(path);
  await makeDirectory(directory);
  if (typeof swap.good !== 'string') await sweepTemporaries(directory, swap.now, { recursive: false });
  const good = typeof swap.good === 'string' ? swap.good : temporaryPath(directory);
  try {
    if (typeof swap.good !== 'string') await copyFrom(swap.good.fd, good, signal);
    const present = await stat(path).catch(unlessGone);
    // SQLite, opening a file that is no database or an empty one, removes the WAL beside it, which may hold what is left
    const header = present === undefined ? undefined : await headerOf(path);
    mustFit(swap, good, header?.isDatabase === true ? path : undefined);
    const saved = await swapFiles({ ...swap, path, good }, present, header, signal);
    checkInPlace(path);
    return { path, ...(saved !== undefined && { saved }) };
  } finally {
    for (const part of ['', ...BESIDE]) await rm(good + part, { force: true });
  }
}

type Header = Awaited<ReturnType<typeof headerOf>>;

interface Swapping extends Omit<Swap, 'good'> {
  readonly good: string;
}

async function swapFiles(
  swap: Swapping,
  present: Stats | undefined,
  header: Header | undefined,
  signal: AbortSignal,
): Promise<Saved | undefined> {
  const { path, good } = swap;
  const isDatabase = header?.isDatabase === true;
  const copiedInWalMode =
    swap.journalMode === undefined ? (await headerOf(good)).isWal : swap.journalMode === 'wal';
  const wasInWalMode = isDatabase ? header.isWal : copiedInWalMode;
  consolidateCopy(good); // a copy in WAL mode would bring that mode with it
  const replace = async (like: Pick<Stats, 'uid' | 'gid' | 'mode'>): Promise<void> => {
    if (wasInWalMode) setWalMode(good);
    await replaceFile(path, good, like);
  };
  if (present === undefined) {
    if (swap.isHeld)
      throw new WavspoolError('DATABASE_HELD', `${path} was removed, and programs still have it open`);
    await replace(await likeItsDirectory(swap));
    return undefined;
  }
  const name = `${path}.before-restore-{YYYY-MM-DD-HH-mm-ss}`;
  const saved = await freeName(namePattern(name, swap.timezone, { name: '' }).format(swap.now));
  const isHealthy = (await save(path, saved, present, isDatabase, signal)) === 'healthy';
  const answer = isHealthy ? await overwrite(path, good, signal) : 'damaged';
  if (answer !== 'done') {
    if (swap.isHeld || (isDatabase && isOpenElsewhere(path))) {
      const why = answer === 'damaged' ? 'is damaged' : 'has another page size than the copy';
      const message = `${path} ${why}, so it can only be replaced as a file, and programs have it open`;
      throw new WavspoolError('DATABASE_HELD', message);
    }
    await replace(present);
  }
  const { dev, ino, size: bytes } = await stat(saved);
  return { path: saved, dev, ino, bytes };
}

/** Keeps what is there now, owner and mode too: what SQLite can read with what its WAL holds, else the bare files. */
async function save(
  database: string,
  saved: string,
  like: Stats,
  isDatabase: boolean,
  signal: AbortSignal,
): Promise<'healthy' | 'damaged'> {
  const temporary = temporaryPath(dirname(database));
  try {
    const isHealthy = isDatabase && (await saveByBackup(database, temporary, signal));
    if (!isHealthy) {
      await rm(temporary, { force: true });
      await copyFile(database, temporary, constants.COPYFILE_EXCL);
      for (const part of ['-wal', '-journal'])
        await copyFile(database + part, saved + part, constants.COPYFILE_EXCL).catch(unlessGone);
    }
    await makeLike(temporary, like);
    await syncFile(temporary);
    await rename(temporary, saved);
    await syncDirectory(dirname(database));
    return isHealthy ? 'healthy' : 'damaged';
  } finally {
    await rm(temporary, { force: true });
  }
}

async function saveByBackup(database: string, to: string, signal: AbortSignal): Promise<boolean> {
  return unlessDamaged(async () => {
    const db = openForeign(database);
    try {
      pin(db);
      await copyPinned(db, to, signal);
      return true;
    } finally {
      db.close();
    }
  }, false);
}

/** `other page size`: SQLite cannot overwrite a database that has another one. */
async function overwrite(
  database: string,
  from: string,
  signal: AbortSignal,
): Promise<'done' | 'damaged' | 'other page size'> {
  return unlessDamaged(async () => {
    const present = openForeign(database);
    const presentSize = pageSize(present);
    present.close();
    const source = openCopy(from);
    try {
      if (pageSize(source) !== presentSize) return 'other page size';
      await copyInto(source, database, signal);
      return 'done';
    } finally {
      source.close();
    }
  }, 'damaged');
}

async function unlessDamaged<T>(use: () => Promise<T>, otherwise: T): Promise<T> {
  try {
    return await use();
  } catch (error) {
    if (error instanceof WavspoolError && error.code === 'DATABASE_DAMAGED') return otherwise;
    throw error;
  }
}

/** Throws SNAPSHOT_BAD when the database, as it now is, does not check out. */
function checkInPlace(database: string): void {
  const db = openForeign(database);
  try {
    const [fault] = integrityFaults(db);
    if (fault === undefined) return;
    const message = `${database} was restored and does not check out: suspect its disk (${fault})`;
    throw new WavspoolError('SNAPSHOT_BAD', message);
  } finally {
    db.close();
  }
}

/** What lay beside the old file would be taken for the new one's: it goes first, a copy of it being kept. */
async function replaceFile(
  database: string,
  good: string,
  like: Pick<Stats, 'uid' | 'gid' | 'mode'>,
): Promise<void> {
  await makeLike(good, like);
  await syncFile(good);
  for (const part of BESIDE) await rm(database + part, { force: true });
  await rename(good, database);
  await syncDirectory(dirname(database));
}

/** Owner and group first: giving a file away clears bits of its mode. What this user may not give stays his. */
async function makeLike(
  path: string,
  { uid, gid, mode }: Pick<Stats, 'uid' | 'gid' | 'mode'>,
): Promise<void> {
  const own = await stat(path);
  if (own.uid !== uid || own.gid !== gid) {
    const isRoot = process.geteuid?.() === 0;
    await chown(path, isRoot ? uid : own.uid, gid).catch((error: unknown) => {
      if (errnoOf(error) !== 'EPERM' || isRoot) throw error; // a group that this user is not in
    });
  }
  await chmod(path, mode & 0o7777);
}

/** As its directory is owned and read; a WAL that outlived its database tells more. */
async function likeItsDirectory({ path, isPrivate }: Swapping): Promise<Pick<Stats, 'uid' | 'gid' | 'mode'>> {
  const left = await stat(`${path}-wal`).catch(unlessGone);
  const { uid, gid, mode } = left ?? (await stat(dirname(path)));
  return { uid, gid, mode: isPrivate ? 0o600 : mode & FILE_MODE };
}

async function copyFrom(fd: number, to: string, signal: AbortSignal): Promise<void> {
  // read from its beginning, wherever the descriptor stands
  const source = createReadStream('', { fd, start: 0, autoClose: false });
  try {
    await pipeline(source, createWriteStream(to, { flags: 'wx', mode: 0o600 }), { signal });
  } catch (error) {
    if (errnoOf(error) !== 'ENOSPC' && errnoOf(error) !== 'EDQUOT') throw error;
    throw new WavspoolError('DISK_FULL', `no room for ${to}`, { cause: error });
  }
}

async function freeName(name: string): Promise<string> {
  for (let number = 1; ; number++) {
    const candidate = number === 1 ? name : `${name}-${number}`;
    if ((await stat(candidate).catch(unlessGone)) === undefined) return candidate;
  }
}

/** Through symlinks: what is replaced is the database, not the link to it. */
export async function resolved(path: string): Promise<string> {
  try {
    return await realpath(path);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return path;
    throw error;
  }
}
