import { dirname } from 'node:path';
import { lstatSync } from 'node:fs';
import { lstat } from 'node:fs/promises';
import { createSyncFirst, systemClock } from '../../platform/runtime/index.ts';
import { versionAt, type TarVersion } from '../../domain/tar.ts';
import type { Facts } from './readiness.ts';

/** A tar as it lies on disk; `ctimeMs` (ms since 1970) is the host's own, which no copy can set. */
export interface TarOnDisk extends TarVersion {
  readonly ctimeMs: number;
}

/** From memory it takes 3 µs. */
const SLOW_MS = 0.2;
const syncFirst = createSyncFirst(systemClock, SLOW_MS);

/** The tar at that absolute path; undefined when there is none, or no regular file. Throws what else lstat says. */
export async function lookAt(path: string): Promise<TarOnDisk | undefined> {
  try {
    const stats = await syncFirst(
      () => lstatSync(path, { throwIfNoEntry: false }),
      () => lstat(path),
    );
    if (stats?.isFile() !== true) return undefined;
    return { ...versionAt(path, stats), ctimeMs: stats.ctimeMs };
  } catch (error) {
    if (isAbsence(error)) return undefined;
    throw error;
  }
}

/** Size and ctime (ms since 1970) of whatever is at that absolute path; undefined when nothing is. Throws what else lstat says. */
export async function lookAtAny(path: string): Promise<{ size: number; ctimeMs: number } | undefined> {
  try {
    return await syncFirst(
      () => lstatSync(path, { throwIfNoEntry: false }),
      () => lstat(path),
    );
  } catch (error) {
    if (isAbsence(error)) return undefined;
    throw error;
  }
}

/** When a directory last changed, ms since 1970; of one that is gone, the nearest above it that is there, which changed when it went. */
export async function lookAtDirectory(path: string): Promise<number> {
  try {
    return (await lstat(path)).ctimeMs;
  } catch {
    return path === dirname(path) ? 0 : lookAtDirectory(dirname(path)); // a closed directory cannot be asked either
  }
}

/** Whether the tar's done marker lies beside it. Throws what lstat says, but for its absence. */
export async function lookForMarker(path: string, suffix: string | undefined): Promise<Facts['doneMarker']> {
  if (suffix === undefined) return 'not needed';
  return (await lookAt(`${path}${suffix}`)) === undefined ? 'missing' : 'present';
}

/** The version alone, without what else was seen. */
export function versionOf({ path, size, mtimeMs }: TarVersion): TarVersion {
  return { path, size, mtimeMs };
}

export function isSameVersion(a: TarVersion, b: TarVersion): boolean {
  return a.path === b.path && a.size === b.size && a.mtimeMs === b.mtimeMs;
}

/** Whether a file system error says that nothing is there. */
export function isAbsence(error: unknown): boolean {
  return error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ENOTDIR');
}
