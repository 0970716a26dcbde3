import type { Settings } from '../config/index.ts';
import type { Report } from '../events.ts';
import { sqlTimestamp, type Clock } from '../runtime/index.ts';
import type { CleanupTarget, RecordingRow, StateStore, TarRow } from '../state/index.ts';
import type { ObjectHead, ObjectStore } from '../store/index.ts';
import { removeIfUnchanged } from './remove-unchanged.ts';

export interface CleanupDeps {
  readonly state: Pick<StateStore, 'tarsDueForCleanup' | 'recordingsOfVersion' | 'markCleaned' | 'tar'>;
  readonly store: Pick<ObjectStore, 'head'>;
  readonly rules: Settings['cleanup'];
  /** True: nothing goes before its tar's receipt is in the bucket. */
  readonly receipts: boolean;
  readonly clock: Clock;
  readonly report: Report;
}

const PAGE = 100;
/** HEAD requests under way at once. */
const AT_ONCE = 16;

/**
 * Removes what the rules let go of, tar by tar: first the store confirms each recording of the tar by size and hash, then its
 * files go, each only if its bytes are still the ones that were uploaded. What is not confirmed or has changed is reported and
 * stays. Returns how many files went. Throws a store fault.
 */
export async function cleanUp(deps: CleanupDeps, signal: AbortSignal): Promise<number> {
  const extracted = await cleanUpOne(deps, 'extracted', signal);
  return extracted + (await cleanUpOne(deps, 'incoming', signal));
}

async function cleanUpOne(deps: CleanupDeps, what: CleanupTarget, signal: AbortSignal): Promise<number> {
  const rule = deps.rules[what];
  if (rule === 'keep') return 0;
  const before = sqlTimestamp(deps.clock.now() - (rule === 'uploaded' ? 0 : rule));
  let removed = 0;
  for (let afterPath = ''; ;) {
    const due = deps.state.tarsDueForCleanup({
      what,
      before,
      withReceipt: deps.receipts,
      afterPath,
      limit: PAGE,
    });
    const last = due.at(-1);
    if (last === undefined) return removed;
    afterPath = last.path;
    for (const tar of due) {
      signal.throwIfAborted();
      if (await isConfirmed(deps, tar, signal)) removed += await removeFiles(deps, tar, what);
    }
  }
}

/** Whether the object is the recording: the same length, the hash that went with its PUT, the version that PUT made. */
export function confirms(row: RecordingRow, object: ObjectHead | undefined): boolean {
  return (
    row.status === 'SUCCESS' &&
    object !== undefined &&
    row.sha256 !== undefined &&
    object.size === row.size &&
    object.metadata['sha256'] === row.sha256 &&
    object.etag === row.etag
  );
}

async function isConfirmed(deps: CleanupDeps, tar: TarRow, signal: AbortSignal): Promise<boolean> {
  const rows = deps.state.recordingsOfVersion(tar)[Symbol.iterator]();
  let confirmed = true;
  const lane = async (): Promise<void> => {
    for (let next = rows.next(); confirmed && next.done !== true; next = rows.next()) {
      const row = next.value;
      if (row.key !== undefined && confirms(row, await deps.store.head(row.key, signal))) continue;
      confirmed = false;
      const reason = `the store does not confirm ${row.key ?? 'it'}: see "wavspool audit"`;
      deps.report('file kept', { path: row.path, reason });
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, lane));
  return confirmed;
}

async function removeFiles(deps: CleanupDeps, tar: TarRow, what: CleanupTarget): Promise<number> {
  let files = 0;
  let bytes = 0;
  const remove = async (
    path: string,
    sha256: string | undefined,
    size: number | undefined,
  ): Promise<void> => {
    const removal = sha256 === undefined ? 'changed' : await removeIfUnchanged(path, sha256);
    if (removal === 'changed') {
      const reason = 'its bytes are not those that were uploaded: look at it, then remove it by hand';
      deps.report('file kept', { path, reason });
    }
    if (removal !== 'removed') return;
    files += 1;
    bytes += size ?? 0;
  };
  // a new version may have been extracted since the list was made: then its row is another
  if (deps.state.tar(tar.path)?.sha256 !== tar.sha256) return 0;
  if (what === 'incoming') await remove(tar.path, tar.sha256, tar.size);
  else
    for (const row of deps.state.recordingsOfVersion(tar)) {
      if (row.tar === tar.path) await remove(row.path, row.sha256, row.size);
    }
  await deps.state.markCleaned(tar.path, what);
  deps.report('files removed', { tar: tar.path, what, files, bytes });
  return files;
}
