import { chmod, rename, rm, stat, symlink, utimes } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { DatabaseSettings } from '../config/index.ts';
import type { Report } from '../events.ts';
import { WavspoolError, errnoOf, messageOf } from '../faults.ts';
import { fileNames } from '../retention/index.ts';
import {
  makeDirectory,
  offLoop,
  sweepTemporaries,
  syncDirectory,
  temporaryPath,
  writeDurably,
  type Clock,
} from '../runtime/index.ts';
import { hashFileOf, notedHashes, type Snapshot } from './catalogue.ts';
import type { Copied, CopyJob } from './copy-thread.ts';
import type { SnapshotSchedule } from './schedules.ts';

export interface SnapshotDeps {
  readonly clock: Clock;
  readonly report: Report;
  readonly timezone: string;
}

export interface TakenSnapshot extends Snapshot {
  readonly sha256: string;
  /** Bytes before compression. */
  readonly rawBytes: number;
  readonly tables: number;
  readonly rows: number;
  readonly ms: number;
}

const COPY_THREAD = new URL('copy-thread.ts', import.meta.url);

/**
 * Takes a snapshot of the live database: from one pinned read, in a thread of its own, under a temporary name until its
 * stored form was read back and its SHA-256 noted beside it. A crash leaves no snapshot or a whole one. One of the same name
 * is replaced by it. Throws DATABASE_MISSING, DATABASE_BUSY, DATABASE_DAMAGED, SNAPSHOT_BAD, DISK_FULL, SETTINGS_INVALID;
 * what was there before is untouched then.
 */
export async function takeSnapshot(
  { clock, report, timezone }: SnapshotDeps,
  { name: database, path: source, asserts }: DatabaseSettings,
  schedule: SnapshotSchedule,
  label: string | undefined,
  signal: AbortSignal,
): Promise<TakenSnapshot> {
  const { dir, compress } = schedule;
  const startedAt = clock.monotonicMs();
  await prepareDirectory(schedule, clock.now());
  const at = clock.now();
  const name = fileNames(schedule.file, timezone, { name: database }).format(at, compress, label);
  const path = join(dir, name);
  const [raw, packed, unpacked] = [temporaryPath(dir), temporaryPath(dir), temporaryPath(dir)];
  const job: CopyJob = { source, raw, packed, unpacked, compress, asserts };
  try {
    const copied = await offLoop<Copied>(COPY_THREAD, job, signal);
    signal.throwIfAborted();
    await publish(copied, path, schedule, at);
    const ms = Math.round(clock.monotonicMs() - startedAt);
    const { bytes, rawBytes, sha256, tables, rows } = copied;
    report('snapshot taken', { database, schedule: schedule.name, path, bytes, rawBytes, rows, ms });
    const labelled = label === undefined ? {} : { label };
    const made = { database, schedule: schedule.name, name, path, at, bytes, verified: true };
    return { ...made, ...labelled, sha256, rawBytes, tables, rows, ms };
  } finally {
    for (const file of [raw, packed, unpacked])
      for (const part of ['', '-journal', '-wal', '-shm']) await rm(file + part, { force: true });
  }
}

async function prepareDirectory({ dir, dirMode }: SnapshotSchedule, now: number): Promise<void> {
  try {
    const isNew = (await stat(dir).catch(() => undefined)) === undefined;
    await makeDirectory(dir, Number.parseInt(dirMode, 8));
    if (isNew) await chmod(dir, Number.parseInt(dirMode, 8)); // whatever the umask took from it
    await sweepTemporaries(dir, now, { recursive: false });
  } catch (error) {
    const code = errnoOf(error) === 'ENOSPC' ? 'DISK_FULL' : 'FILE_UNREADABLE';
    throw new WavspoolError(code, `no snapshot can be put into ${dir}: ${messageOf(error)}`, {
      cause: error,
    });
  }
}

/**
 * The hash stands before the name does, so that no snapshot is ever without; while one takes another's place, both hashes
 * stand, and the old one goes when the new name is on disk.
 */
async function publish(
  { stored, sha256 }: Copied,
  path: string,
  { dir, mode, latest }: SnapshotSchedule,
  at: number,
): Promise<void> {
  const octal = Number.parseInt(mode, 8);
  const note = `${sha256}  ${basename(path)}\n`;
  await chmod(stored, octal);
  await utimes(stored, at / 1000, at / 1000);
  const replaced = (await notedHashes(path)).filter((hash) => hash !== sha256);
  const both = note + replaced.map((hash) => `${hash}  ${basename(path)}\n`).join('');
  await writeDurably(hashFileOf(path), both, octal);
  await rename(stored, path);
  await syncDirectory(dir);
  if (replaced.length > 0) await writeDurably(hashFileOf(path), note, octal);
  if (latest) await pointLatestAt(path, dir);
}

/** Moves the symlink `latest` as a whole: whoever reads it finds the old one or the new one. */
async function pointLatestAt(path: string, dir: string): Promise<void> {
  const temporary = temporaryPath(dir);
  await symlink(basename(path), temporary);
  await rename(temporary, join(dir, 'latest'));
  await syncDirectory(dir);
}
