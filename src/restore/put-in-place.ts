import { chmod, chown, copyFile, open, rename, rm, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { WavspoolError, unlessGone } from '../faults.ts';
import { namePattern } from '../retention/index.ts';
import { offLoop, syncDirectory, syncFile, temporaryPath } from '../runtime/index.ts';
import type { PutInPlaceAnswer, PutInPlaceJob } from './put-in-place-thread.ts';

const THREAD = new URL('put-in-place-thread.ts', import.meta.url);
const MAGIC = Buffer.from('SQLite format 3\0');
/** What SQLite may have beside a database. */
const BESIDE = ['-wal', '-journal', '-shm'];

export interface Swap {
  /** The live database's path, symlinks resolved. */
  readonly database: string;
  /** The checked, uncompressed snapshot, in the same directory; it is used up. */
  readonly good: string;
  /** Whether other programs have the database open. */
  readonly isHeld: boolean;
  readonly timezone: string;
}

/**
 * Puts a good copy in the place of a database, and returns where what was there before is kept; undefined when nothing was.
 * A healthy database is overwritten by SQLite's own backup in one transaction, which a program that has it open survives and
 * no stale `-wal` can spoil; a damaged one, or one of another page size, is replaced as a file, which needs that nobody has it
 * open. A crash leaves the old content or the new one. Throws DATABASE_IN_USE, DATABASE_BUSY, DISK_FULL.
 */
export async function putInPlace(swap: Swap, now: number, signal: AbortSignal): Promise<string | undefined> {
  const { database, good } = swap;
  const present = await stat(database).catch(unlessGone);
  if (present === undefined) {
    await replaceFile(swap, { mode: 0o600 });
    return undefined;
  }
  const saved = await freeName(
    namePattern(`${database}.before-restore-{YYYY-MM-DD-HH-mm-ss}`, swap.timezone, { name: '' }).format(now),
  );
  const isHealthy = await save(database, saved, present.mode, signal);
  const job: PutInPlaceJob = { step: 'overwrite', database, from: good };
  const answer = isHealthy ? await offLoop<PutInPlaceAnswer>(THREAD, job, signal) : 'damaged';
  if (answer === 'done') {
    await rm(good);
    return saved;
  }
  if (swap.isHeld) {
    const why = answer === 'damaged' ? 'is damaged' : 'has another page size than the snapshot';
    const message = `${database} ${why}, so it can only be replaced as a file, and programs have it open`;
    throw new WavspoolError('DATABASE_IN_USE', message);
  }
  await replaceFile(swap, present);
  return saved;
}

/** Throws SNAPSHOT_BAD when the database, as it now is, does not check out. */
export async function checkInPlace(database: string, signal: AbortSignal): Promise<void> {
  const job: PutInPlaceJob = { step: 'check', database };
  if ((await offLoop<PutInPlaceAnswer>(THREAD, job, signal)) === 'done') return;
  throw new WavspoolError(
    'SNAPSHOT_BAD',
    `${database} was restored and does not check out: suspect its disk`,
  );
}

/** Keeps what is there now; true when SQLite could read it, with what its WAL holds, else the bare files are kept. */
async function save(database: string, saved: string, mode: number, signal: AbortSignal): Promise<boolean> {
  const temporary = temporaryPath(dirname(database));
  try {
    const job: PutInPlaceJob = { step: 'save', database, to: temporary };
    const isHealthy =
      (await looksLikeDatabase(database)) &&
      (await offLoop<PutInPlaceAnswer>(THREAD, job, signal)) === 'done';
    if (!isHealthy) {
      await rm(temporary, { force: true });
      await copyFile(database, temporary);
      for (const part of ['-wal', '-journal'])
        await copyFile(database + part, saved + part).catch(unlessGone);
    }
    await chmod(temporary, mode & 0o7777);
    await syncFile(temporary);
    await rename(temporary, saved);
    await syncDirectory(dirname(database));
    return isHealthy;
  } finally {
    await rm(temporary, { force: true });
  }
}

/** SQLite, opening a file that is no database or an empty one, removes the WAL beside it, which may hold what is left. */
async function looksLikeDatabase(path: string): Promise<boolean> {
  const file = await open(path, 'r');
  try {
    const { buffer } = await file.read(Buffer.alloc(MAGIC.length), 0, MAGIC.length, 0);
    return buffer.equals(MAGIC);
  } finally {
    await file.close();
  }
}

/** What lay beside the old file would be taken for the new one's: it goes first, a copy of it being kept. */
async function replaceFile(
  { database, good }: Swap,
  { mode, uid, gid }: { mode: number; uid?: number; gid?: number },
): Promise<void> {
  await chmod(good, mode & 0o7777);
  if (uid !== undefined && gid !== undefined) await chown(good, uid, gid);
  await syncFile(good);
  for (const part of BESIDE) await rm(database + part, { force: true });
  await rename(good, database);
  await syncDirectory(dirname(database));
}

async function freeName(name: string): Promise<string> {
  for (let number = 1; ; number++) {
    const candidate = number === 1 ? name : `${name}-${number}`;
    if ((await stat(candidate).catch(unlessGone)) === undefined) return candidate;
  }
}
