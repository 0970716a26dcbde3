import type { Settings } from '../../platform/config/index.ts';
import type { Report } from '../../domain/events.ts';
import { FAULTS, faultCode, messageOf } from '../../domain/faults.ts';
import { everyPage } from '../../platform/paging/index.ts';
import { sqlTimestamp, type Clock } from '../../platform/runtime/index.ts';
import type { CleanupTarget, ReceiptLedger, TarLedger } from '../../domain/ledger.ts';
import type { RecordingRow } from '../../domain/recording.ts';
import type { TarRow } from '../../domain/tar.ts';
import type { ObjectHead, ObjectStore } from '../../platform/s3/index.ts';
import { noteRemovals } from './note-removals.ts';
import { StillAside, onItsWayOut, removeIfUnchanged } from './remove-unchanged.ts';

export interface CleanupDeps {
  readonly ledger: {
    readonly tars: Pick<TarLedger, 'get'>;
    readonly receipts: Pick<ReceiptLedger, 'dueForCleanup' | 'recordingsOf' | 'markCleaned'>;
  };
  readonly store: Pick<ObjectStore, 'head'>;
  readonly rules: Settings['cleanup'];
  /** True: nothing goes before its tar's receipt is in the bucket. */
  readonly receipts: boolean;
  /** Why a directory is away; what cannot be seen in it is not gone. */
  readonly away: (what: CleanupTarget) => string | undefined;
  /** A directory of wavspool's own, for notes of what is on its way out. */
  readonly scratch: string;
  /** Throws once it is another process's turn: asked before files go, for no transaction holds them. */
  readonly requireTurn: () => Promise<void>;
  readonly clock: Clock;
  readonly report: Report;
}

const PAGE = 100;
/** HEAD requests under way at once. */
const AT_ONCE = 16;
const NOTED_AT_ONCE = 500;

/**
 * Removes what the rules let go of, tar by tar: first the store confirms each recording of the tar by size and hash, then its
 * files go, each only if its bytes are still the ones that were uploaded. What is not confirmed or has changed is reported and
 * stays, and what goes wrong with one tar is that tar's. Returns how many files went. Throws a fault of the store as a whole.
 */
export async function cleanUp(deps: CleanupDeps, signal: AbortSignal): Promise<number> {
  const extracted = await cleanUpOne(deps, 'extracted', signal);
  return extracted + (await cleanUpOne(deps, 'incoming', signal));
}

async function cleanUpOne(deps: CleanupDeps, what: CleanupTarget, signal: AbortSignal): Promise<number> {
  const rule = deps.rules[what];
  if (rule === 'keep' || deps.away(what) !== undefined) return 0;
  const before = sqlTimestamp(deps.clock.now() - (rule === 'uploaded' ? 0 : rule));
  let removed = 0;
  const request = { what, before, withReceipt: deps.receipts, limit: PAGE };
  for await (const due of everyPage((after) => deps.ledger.receipts.dueForCleanup({ ...request, after }))) {
    for (const tar of due) {
      signal.throwIfAborted();
      try {
        if (await isConfirmed(deps, tar, signal)) removed += await removeFiles(deps, tar, what);
      } catch (error) {
        if (signal.aborted || concernsAll(error)) throw error;
        deps.report('file kept', { path: tar.path, reason: messageOf(error) });
      }
    }
  }
  return removed;
}

/** Whether the next tar would meet with the same fault: the store is away, or the ledger is, or it is another process's turn. */
function concernsAll(error: unknown): boolean {
  const code = faultCode(error);
  const { retry, cause } = FAULTS[code];
  return retry === 'when the store is back' || cause === 'state' || code === 'LEASE_LOST';
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
  for await (const page of deps.ledger.receipts.recordingsOf(tar))
    if (!(await areConfirmed(deps, page, signal))) return false;
  return true;
}

async function areConfirmed(
  deps: CleanupDeps,
  page: readonly RecordingRow[],
  signal: AbortSignal,
): Promise<boolean> {
  const rows = page.values();
  let confirmed = true;
  const consumer = async (): Promise<void> => {
    for (const row of rows) {
      if (!confirmed) return;
      if (row.key !== undefined && confirms(row, await deps.store.head(row.key, signal))) continue;
      confirmed = false;
      const reason = `the store does not confirm ${row.key ?? 'it'}: see "wavspool audit"`;
      deps.report('file kept', { path: row.path, reason });
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, consumer));
  return confirmed;
}

interface ToRemove {
  readonly path: string;
  readonly sha256: string | undefined;
  readonly size: number | undefined;
}

async function removeFiles(deps: CleanupDeps, tar: TarRow, what: CleanupTarget): Promise<number> {
  // a new version may have been extracted since the list was made: then its row is another
  if ((await deps.ledger.tars.get(tar.path))?.sha256 !== tar.sha256) return 0;
  let files = 0;
  let bytes = 0;
  for await (const group of inGroups(filesOf(deps, tar, what))) {
    await deps.requireTurn();
    for (const size of await removeGroup(deps, group)) {
      files += 1;
      bytes += size;
    }
  }
  if (deps.away(what) !== undefined) return files; // it went meanwhile: what was not found is not gone
  await deps.ledger.receipts.markCleaned(tar.path, what);
  deps.report('files removed', { tar: tar.path, what, files, bytes });
  return files;
}

/** The sizes of those that went. */
async function removeGroup({ scratch, report }: CleanupDeps, group: readonly ToRemove[]): Promise<number[]> {
  const leaving = group.map((file) => ({ ...file, way: onItsWayOut(file.path) }));
  const note = await noteRemovals(
    scratch,
    leaving.map(({ way }) => way),
  );
  const removed: number[] = [];
  try {
    for (const { way, path, sha256, size } of leaving) {
      const removal = sha256 === undefined ? 'changed' : await removeIfUnchanged(way, sha256);
      if (removal === 'removed') removed.push(size ?? 0);
      if (removal !== 'changed') continue;
      const reason = 'its bytes are not those that were uploaded: look at it, then remove it by hand';
      report('file kept', { path, reason });
    }
  } catch (error) {
    if (!(error instanceof StillAside)) await note.end(); // else the next start gives it its name back
    throw error;
  }
  await note.end();
  return removed;
}

async function* filesOf(
  { ledger }: CleanupDeps,
  tar: TarRow,
  what: CleanupTarget,
): AsyncGenerator<readonly ToRemove[]> {
  if (what === 'incoming') yield [tar];
  else
    for await (const page of ledger.receipts.recordingsOf(tar))
      yield page.filter((row) => row.tar === tar.path);
}

/** One note for so many files: to sync one for each would take longer than to remove it. */
async function* inGroups(pages: AsyncIterable<readonly ToRemove[]>): AsyncGenerator<readonly ToRemove[]> {
  for await (const files of pages)
    for (let at = 0; at < files.length; at += NOTED_AT_ONCE) yield files.slice(at, at + NOTED_AT_ONCE);
}
