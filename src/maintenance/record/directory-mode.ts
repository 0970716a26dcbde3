import type { Stats } from 'node:fs';
import { errnoOf } from '../../domain/faults.ts';
import type { Directory } from '../../platform/linux/index.ts';

/** What became of a directory that had another mode than the settings ask for. */
export interface ModeChange {
  readonly was: string;
  readonly asked: string;
  /** Why it has its old mode still; absent when it has the one that is asked for. */
  readonly kept?: string;
}

const PERMISSIONS = 0o777;
const SPECIAL = 0o7000;

/**
 * Brings an open directory to the mode that the settings ask for; undefined when it has it. That of another user is left as it
 * is, and what is beside the permissions (setgid, sticky) stays.
 */
export async function bringToMode(directory: Directory, asked: number): Promise<ModeChange | undefined> {
  const stats = await directory.handle.stat();
  if ((stats.mode & PERMISSIONS) === asked) return undefined;
  const change = { was: octal(stats.mode & PERMISSIONS), asked: octal(asked) };
  const foreign = whoseElse(stats, process.geteuid?.());
  if (foreign !== undefined) return { ...change, kept: foreign };
  try {
    await directory.handle.chmod((stats.mode & SPECIAL) | asked);
  } catch (error) {
    if (errnoOf(error) !== 'EPERM' && errnoOf(error) !== 'EROFS') throw error;
    return { ...change, kept: `the system does not let it be changed (${errnoOf(error)})` };
  }
  return change;
}

/** Why a directory's mode is not this user's to change; undefined when it is his, or root's. */
export function whoseElse({ uid }: Pick<Stats, 'uid'>, user: number | undefined): string | undefined {
  return uid === 0 || uid === user ? undefined : `it is the directory of another user (uid ${uid})`;
}

function octal(mode: number): string {
  return mode.toString(8).padStart(4, '0');
}
