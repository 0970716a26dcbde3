import { lstat } from 'node:fs/promises';
import { errnoOf, messageOf } from '../../domain/faults.ts';
import type { Finding } from './finding.ts';

/** Whether only its owner can read `state.db`. One that cannot be looked at is not called absent. */
export async function privateState(path: string): Promise<Finding> {
  const name = 'state.db is private';
  try {
    const { mode } = await lstat(path);
    return {
      name,
      ok: (mode & 0o077) === 0,
      found: `mode ${(mode & 0o777).toString(8)}`,
      remedy: `chmod 600 ${path}`,
    };
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return { name, ok: true, found: 'not there yet', remedy: '' };
    return { name, ok: false, found: messageOf(error), remedy: 'let the user that wavspool runs as read it' };
  }
}
