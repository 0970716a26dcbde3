import { createHash } from 'node:crypto';
import { open, rm } from 'node:fs/promises';
import { FAULTS, WavspoolError, faultCode, type FaultCode } from '../../domain/faults.ts';
import type { Report } from '../../domain/events.ts';
import { everyPage } from '../../platform/paging/index.ts';
import { temporaryPath, type Clock } from '../../platform/runtime/index.ts';
import type { ReceiptIntent, TarRow } from '../../domain/tar.ts';
import type { Ledger } from '../../domain/ledger.ts';
import type { ObjectStore } from '../../platform/s3/index.ts';
import { receiptKeys, receiptLines, tarName } from './document.ts';
import { proveLegacy } from './prove-legacy.ts';
import { restoreFromReceipts } from './restore.ts';

export interface ReceiptDeps {
  readonly ledger: Pick<Ledger, 'recordings' | 'receipts' | 'catalogue'>;
  readonly store: Pick<ObjectStore, 'putIfAbsent' | 'head' | 'list' | 'get' | 'check'>;
  readonly report: Report;
  readonly site: string;
  readonly prefix: string;
  readonly incoming: string;
  readonly extracted: string;
  /** Where a receipt is put together; a tar of 100,000 recordings has one of 30 MB. */
  readonly scratch: string;
}

/** Writes the receipts that are due, returns how many. Throws a store fault, a fault of this host, or the signal's reason. */
export type WriteReceipts = (deps: ReceiptDeps, signal: AbortSignal) => Promise<number>;

const PAGE = 100;
/** A receipt that could not be written is tried again so much later; the others do not wait for it. */
const PUT_OFF_MS = 60 * 60 * 1000;
/** So often in a row a receipt may end without an answer that says whether the store has it. */
const MAX_UNCERTAIN = 3;
const UNCERTAIN: ReadonlySet<FaultCode> = new Set(['CONNECTION_LOST', 'REQUEST_TIMEOUT', 'STORE_ERROR']);

/**
 * Writes receipts, one after the other, because each names the one before it:
 *  1. once in a process, the chain is read from where state.db ends: a state.db that was restored from a copy is older than the
 *     bucket, and going on from it would fork the chain for good; what the bucket has more becomes rows
 *  2. what a crash left noted is finished: every receipt is noted in state.db before it is put, so the chain cannot fork
 *  3. every tar that is due; one whose receipt cannot be written is put off for an hour, and keeps no other tar waiting
 */
export function receiptWriter(clock: Clock): WriteReceipts {
  let isCaughtUp = false;
  const putOff = new Map<string, { readonly untilMs: number }>();
  const uncertain = new Map<string, number>();

  /** True when the receipt was written; false when it is this tar's own trouble that it was not. */
  const attempt = async (
    deps: ReceiptDeps,
    tar: TarRow,
    write: () => Promise<boolean>,
    signal: AbortSignal,
  ): Promise<boolean> => {
    try {
      const written = await write();
      uncertain.delete(tar.path);
      return written;
    } catch (error) {
      const tries = (uncertain.get(tar.path) ?? 0) + 1;
      uncertain.set(tar.path, tries);
      await requireOwnTrouble(deps, error, tries, signal);
      uncertain.delete(tar.path);
      if (await confirmOrWithdraw(deps, tar, signal)) return true;
      putOff.set(tar.path, { untilMs: clock.monotonicMs() + PUT_OFF_MS });
      deps.report('receipt put off', { tar: tar.path, code: faultCode(error), err: error });
      return false;
    }
  };
  const isPutOff = ({ path }: TarRow): boolean => {
    const until = putOff.get(path)?.untilMs;
    if (until === undefined || until > clock.monotonicMs()) return until !== undefined;
    putOff.delete(path);
    return false;
  };

  return async (deps, signal) => {
    if (!isCaughtUp) await catchUp(deps, signal);
    isCaughtUp = true;
    let written = 0;
    const interrupted = await deps.ledger.receipts.pending();
    if (interrupted !== undefined) {
      const { tar, intent } = interrupted;
      if (await attempt(deps, tar, () => finish(deps, tar, intent, signal), signal)) written += 1;
    }
    for await (const due of everyPage((after) => deps.ledger.receipts.due({ after, limit: PAGE })))
      for (const tar of due) {
        signal.throwIfAborted();
        if (isPutOff(tar)) continue;
        if (await attempt(deps, tar, () => begin(deps, tar, signal), signal)) written += 1;
      }
    return written;
  };
}

async function catchUp(deps: ReceiptDeps, signal: AbortSignal): Promise<void> {
  const head = await deps.ledger.receipts.head();
  const { receipts, recordings, invalid } = await restoreFromReceipts(deps, signal, head);
  for (const { key, reason } of invalid) deps.report('receipt ignored', { key, reason });
  if (receipts > 0) deps.report('receipts caught up', { after: head?.seq ?? 0, receipts, recordings });
}

/**
 * Throws what is not one receipt's trouble: the store as a whole, which is asked when it refuses one key; this host; an answer
 * that leaves open whether the store has the receipt, a few times.
 */
async function requireOwnTrouble(
  deps: ReceiptDeps,
  error: unknown,
  tries: number,
  signal: AbortSignal,
): Promise<void> {
  const code = faultCode(error);
  if (signal.aborted || isOfTheHost(code)) throw error;
  if (UNCERTAIN.has(code) && tries < MAX_UNCERTAIN) throw error;
  if (FAULTS[code].retry === 'when the store is back' || UNCERTAIN.has(code)) await deps.store.check(signal);
}

/** This host's trouble, or its ledger's, and no receipt's. */
function isOfTheHost(code: FaultCode): boolean {
  return code === 'DISK_FULL' || code === 'LEASE_LOST' || FAULTS[code].cause === 'state';
}

/** A receipt that ended in a fault: is it in the bucket all the same? Then it is confirmed, else its place in the chain is free again. */
async function confirmOrWithdraw(deps: ReceiptDeps, tar: TarRow, signal: AbortSignal): Promise<boolean> {
  const open = await deps.ledger.receipts.pending();
  if (open === undefined || open.tar.path !== tar.path) return false;
  const there = await deps.store.head(open.intent.key, signal).catch((error: unknown) => {
    // a store that refuses this key refuses to tell of it as well
    if (FAULTS[faultCode(error)].retry === 'when the store is back') return undefined;
    throw error;
  });
  if (there?.metadata['sha256'] === open.intent.sha256) {
    await deps.ledger.receipts.confirm(tar.path, open.intent);
    return true;
  }
  await deps.ledger.receipts.withdraw(tar.path);
  return false;
}

/** False when another process of the site is at a receipt of its own: this tar's turn comes with the next run. */
async function begin(deps: ReceiptDeps, tar: TarRow, signal: AbortSignal): Promise<boolean> {
  const head = await deps.ledger.receipts.head();
  return put(deps, tar, (head?.seq ?? 0) + 1, head?.sha256 ?? null, signal);
}

/** What was noted may have been put: then that is the receipt, whatever the rows say by now. */
async function finish(
  deps: ReceiptDeps,
  tar: TarRow,
  intent: ReceiptIntent,
  signal: AbortSignal,
): Promise<boolean> {
  const there = await deps.store.head(intent.key, signal);
  if (there?.metadata['sha256'] !== intent.sha256) return put(deps, tar, intent.seq, intent.previous, signal);
  await deps.ledger.receipts.confirm(tar.path, intent);
  return true;
}

async function put(
  deps: ReceiptDeps,
  tar: TarRow,
  seq: number,
  previous: string | null,
  signal: AbortSignal,
): Promise<boolean> {
  const path = temporaryPath(deps.scratch);
  try {
    const { sha256, size, recordings } = await compose(deps, path, tar, seq, previous, signal);
    const tarSha256 = tar.sha256 ?? '';
    const name = tarName(deps.incoming, tar.path);
    const keys = receiptKeys(deps.prefix, { site: deps.site, name, sha256: tarSha256, seq });
    for (const key of keys) {
      const intent = { seq, previous, key, sha256, tarSha256 };
      if (!(await deps.ledger.receipts.begin(tar.path, intent))) return false;
      if (!(await isPut(deps, { key, path, size, sha256 }, signal))) continue;
      await deps.ledger.receipts.confirm(tar.path, intent);
      deps.report('receipt written', { tar: tar.path, key, seq, recordings });
      return true;
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
  signal: AbortSignal,
): Promise<{ readonly size: number; readonly sha256: string; readonly recordings: number }> {
  const { site, incoming, ledger } = deps;
  const hash = createHash('sha256');
  let size = 0;
  let recordings = 0;
  await proveLegacy(deps, tar, signal);
  const file = await open(path, 'wx', 0o600);
  try {
    const write = async (text: string): Promise<void> => {
      const bytes = Buffer.from(text);
      hash.update(bytes);
      size += bytes.length;
      await file.write(bytes);
    };
    const lines = receiptLines({ site, incoming, seq, previous, tar });
    await write(lines.head);
    for await (const page of ledger.receipts.recordingsOf(tar)) {
      await write(page.map((row) => lines.recording(row)).join(''));
      recordings += page.length;
    }
    await write(lines.end);
  } finally {
    await file.close();
  }
  return { size, sha256: hash.digest('hex'), recordings };
}
