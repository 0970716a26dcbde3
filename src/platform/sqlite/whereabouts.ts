import { statSync } from 'node:fs';
import type { Moved } from '../../domain/ledger.ts';

/**
 * Remembers which file `path` names now; the function that it returns says whether the name has gone to another one since. What
 * is written into a file without a name is lost when the last process closes it.
 */
export function whereabouts(path: string): () => Moved | undefined {
  const identity = identityAt(path);
  return () => {
    const now = identityAt(path);
    if (now === identity) return undefined;
    return now === undefined ? 'removed' : 'replaced';
  };
}

/** Device and inode, through symbolic links, as SQLite opens it. */
function identityAt(path: string): string | undefined {
  const stats = statSync(path, { bigint: true, throwIfNoEntry: false });
  return stats === undefined ? undefined : `${stats.dev}:${stats.ino}`;
}
