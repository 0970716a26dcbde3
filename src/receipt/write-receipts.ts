import { createHash } from 'node:crypto';
import { open, rm } from 'node:fs/promises';
import { WavspoolError, faultCode } from '../faults.ts';
import type { Report } from '../events.ts';
import { temporaryPath } from '../runtime/index.ts';
import type { ReceiptIntent, RecordingRow, StateStore, TarRow } from '../state/index.ts';
import type { ObjectStore } from '../store/index.ts';
import { receiptKeys, receiptLines } from './document.ts';

export interface ReceiptDeps {
  readonly state: Pick<
    StateStore,
    | 'tarsDueForReceipt'
    | 'receiptHead'
    | 'openReceipt'
    | 'intendReceipt'
    | 'confirmReceipt'
    | 'recordingsOfVersion'
  >;
  readonly store: Pick<ObjectStore, 'putIfAbsent' | 'head'>;
  readonly report: Report;
  readonly site: string;
  readonly prefix: string;
  readonly incoming: string;
  /** Where a receipt is put together; a tar of 100,000 recordings has one of 30 MB. */
  readonly scratch: string;
}

const PAGE = 100;

/**
 * Writes the receipts that are due, one after the other, because each names the one before it; returns how many. Every one
 * is noted in state.db before it is put, and what a crash left noted is finished first: so the chain cannot fork.
 * Throws a store fault, or the signal's reason.
 */
export async function writeReceipts(deps: ReceiptDeps, signal: AbortSignal): Promise<number> {
  let written = 0;
  const interrupted = deps.state.openReceipt();
  if (interrupted !== undefined) {
    await finish(deps, interrupted.tar, interrupted.intent, signal);
    written += 1;
  }
  for (let after = ''; ;) {
    const due = deps.state.tarsDueForReceipt(after, PAGE);
    const last = due.at(-1);
    if (last === undefined) return written;
    after = last.path;
    for (const tar of due) {
      signal.throwIfAborted();
      await begin(deps, tar, signal);
      written += 1;
    }
  }
}

async function begin(deps: ReceiptDeps, tar: TarRow, signal: AbortSignal): Promise<void> {
  const head = deps.state.receiptHead();
  await put(deps, tar, (head?.seq ?? 0) + 1, head?.sha256 ?? null, signal);
}

/** What was noted may have been put: then that is the receipt, whatever the rows say by now. */
async function finish(
  deps: ReceiptDeps,
  tar: TarRow,
  intent: ReceiptIntent,
  signal: AbortSignal,
): Promise<void> {
  const there = await deps.store.head(intent.key, signal);
  if (there?.metadata['sha256'] === intent.sha256) return deps.state.confirmReceipt(tar.path, intent);
  await put(deps, tar, intent.seq, intent.previous, signal);
}

async function put(
  deps: ReceiptDeps,
  tar: TarRow,
  seq: number,
  previous: string | null,
  signal: AbortSignal,
): Promise<void> {
  const path = temporaryPath(deps.scratch);
  try {
    const { sha256, size, recordings } = await compose(deps, path, tar, seq, previous);
    const keys = receiptKeys(deps.prefix, deps.incoming, tar, seq);
    for (const key of keys) {
      const intent = { seq, previous, key, sha256, tarSha256: tar.sha256 ?? '' };
      // another process of the site is at a receipt of its own: this tar's turn comes with the next run
      if (!(await deps.state.intendReceipt(tar.path, intent))) return;
      if (!(await isPut(deps, { key, path, size, sha256 }, signal))) continue;
      await deps.state.confirmReceipt(tar.path, intent);
      deps.report('receipt written', { tar: tar.path, key, seq, recordings });
      return;
    }
    throw new WavspoolError(
      'KEY_TAKEN',
      `${keys.join(', ')} all hold other objects than the receipt of ${tar.path}`,
    );
  } finally {
    await rm(path, { force: true });
  }
}

/** False when another object has the key: the receipt of an earlier version of the tar. */
async function isPut(
  deps: ReceiptDeps,
  object: { readonly key: string; readonly path: string; readonly size: number; readonly sha256: string },
  signal: AbortSignal,
): Promise<boolean> {
  try {
    await deps.store.putIfAbsent({ ...object, metadata: {}, contentType: 'application/json' }, signal);
    return true;
  } catch (error) {
    if (faultCode(error) === 'KEY_TAKEN') return false;
    throw error;
  }
}

async function compose(
  deps: ReceiptDeps,
  path: string,
  tar: TarRow,
  seq: number,
  previous: string | null,
): Promise<{ readonly size: number; readonly sha256: string; readonly recordings: number }> {
  const { site, incoming, state } = deps;
  const hash = createHash('sha256');
  let size = 0;
  let recordings = 0;
  function* counted(): Generator<RecordingRow> {
    for (const row of state.recordingsOfVersion(tar)) {
      recordings += 1;
      yield row;
    }
  }
  const file = await open(path, 'wx', 0o600);
  try {
    for (const piece of receiptLines({ site, incoming, seq, previous, tar }, counted())) {
      const bytes = Buffer.from(piece);
      hash.update(bytes);
      size += bytes.length;
      await file.write(bytes);
    }
  } finally {
    await file.close();
  }
  return { size, sha256: hash.digest('hex'), recordings };
}
