import { offLoop } from '../runtime/index.ts';
import type { QuickCheck } from './quick-check-thread.ts';

/**
 * What `PRAGMA quick_check` finds wrong with a database that others may have open, at most 20 lines; none means sound. It reads
 * the whole file, in a thread of its own, and keeps nobody from writing. Throws STATE_UNUSABLE when it cannot be opened.
 */
export async function quickCheck(path: string, signal: AbortSignal): Promise<readonly string[]> {
  const job: QuickCheck = { path };
  return offLoop<readonly string[]>(new URL('quick-check-thread.ts', import.meta.url), job, signal);
}
