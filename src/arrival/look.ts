import { lstat } from 'node:fs/promises';
import type { TarVersion } from '../state/index.ts';
import type { Facts } from './readiness.ts';

/** A tar as it lies on disk; `ctimeMs` (ms since 1970) is the host's own, which no copy can set. */
export interface TarOnDisk extends TarVersion {
  readonly ctimeMs: number;
}

/** The tar at that absolute path; undefined when there is none, or no regular file. Throws what else lstat says. */
export async function lookAt(path: string): Promise<TarOnDisk | undefined> {
  try {
    const stats = await lstat(path);
    if (!stats.isFile()) return undefined;
    return { path, size: stats.size, mtimeMs: Math.floor(stats.mtimeMs), ctimeMs: stats.ctimeMs };
  } catch (error) {
    if (isAbsence(error)) return undefined;
    throw error;
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
