import Database from 'better-sqlite3';
import { messageOf } from '../../domain/faults.ts';
import { offLoop } from '../runtime/index.ts';
import { isDamage, sqliteFault } from './open.ts';

/** More of them say nothing new of a damaged database. */
const SHOWN = 20;
const BUSY_MS = 5000;

/** What its thread is told. */
export interface QuickCheck {
  readonly path: string;
}

/**
 * What `PRAGMA quick_check` finds wrong with a database that others may have open, at most 20 lines; none means sound. It reads
 * the whole file, in a thread of its own, and keeps no program from writing. Throws STATE_UNUSABLE when it cannot be opened.
 */
export async function quickCheck(path: string, signal: AbortSignal): Promise<readonly string[]> {
  const job: QuickCheck = { path };
  return offLoop<readonly string[]>(new URL('quick-check-thread.ts', import.meta.url), job, signal);
}

/** As {@link quickCheck}, on the event loop: for a database so small that a thread would take longer to start. */
export function quickCheckHere(path: string): readonly string[] {
  try {
    // a connection of its own: what another one has cached says nothing of what is on the disk
    const db = new Database(path, { readonly: true, fileMustExist: true, timeout: BUSY_MS });
    try {
      const found = db.pragma(`quick_check(${SHOWN})`) as { quick_check: string }[];
      return found.map((row) => row.quick_check.replaceAll('\n', ' ')).filter((line) => line !== 'ok');
    } finally {
      db.close();
    }
  } catch (error) {
    if (isDamage(error)) return [messageOf(error)]; // damage can keep the check itself from going on
    throw sqliteFault(path, error);
  }
}
