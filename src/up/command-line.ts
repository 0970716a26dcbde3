import { readFile } from 'node:fs/promises';
import { errnoOf } from '../faults.ts';

/** A process's program and arguments, NUL between them, or what it calls itself instead; '' when it is gone. */
export async function commandLineOf(pid: number | string): Promise<string> {
  try {
    return await readFile(`/proc/${pid}/cmdline`, 'utf8');
  } catch (error) {
    if (['ENOENT', 'ESRCH'].includes(errnoOf(error) ?? '')) return '';
    throw error;
  }
}
