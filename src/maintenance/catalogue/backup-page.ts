import { pageOf, readCursor, type Page } from '../../platform/paging/index.ts';
import type { Backup } from './backup.ts';

type Key = readonly [at: string, path: string];

/**
 * A page of copies, the newest first; without a limit all of them. `after` is what the page before gave as `next`: copies that are
 * made or removed meanwhile move no page. Throws USAGE for any other text.
 */
export function backupPage<T extends Backup>(
  backups: readonly T[],
  { limit = Infinity, after }: { readonly limit?: number; readonly after?: string | undefined } = {},
): Page<T> {
  const from = after === undefined ? undefined : readCursor(after, isKey);
  const behind = backups
    .filter((one) => from === undefined || order(keyOf(one), from) > 0)
    .toSorted((one, other) => order(keyOf(one), keyOf(other)));
  const rows = behind.slice(0, limit);
  const last = behind.length > limit ? rows.at(-1) : undefined;
  return pageOf(rows, keyOf, last === undefined ? undefined : keyOf(last));
}

/** Two copies may be of one moment, as one on disk and the same in the bucket; no two have one path. */
function keyOf({ at, path }: Backup): Key {
  return [at, path];
}

function order([at, path]: Key, [otherAt, otherPath]: Key): number {
  if (at !== otherAt) return at < otherAt ? 1 : -1;
  return path === otherPath ? 0 : path < otherPath ? -1 : 1;
}

function isKey(value: unknown): value is Key {
  return Array.isArray(value) && value.length === 2 && value.every((part) => typeof part === 'string');
}
