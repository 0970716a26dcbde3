import { join } from 'node:path';
import {
  findBreaks,
  linkOf,
  readReceipts,
  type ChainLink,
  type StoredReceipt,
} from '../../ingest/receipt/index.ts';
import type { StateStore } from '../../domain/ledger.ts';
import type { ObjectStore } from '../../platform/s3/index.ts';
import type { Finding } from './compare.ts';

export interface ReceiptAuditDeps {
  readonly state: Pick<StateStore, 'receiptHead' | 'recording' | 'tarsDueForReceipt'>;
  readonly store: Pick<ObjectStore, 'list' | 'get'>;
  readonly site: string;
  readonly prefix: string;
  readonly extracted: string;
  /** A tar whose recordings are all in the bucket since then has its receipt, `YYYY-MM-DD HH:MM:SS` in UTC. */
  readonly dueBefore: string;
}

const PAGE = 100;

/**
 * Walks the chain of receipts: each is read, the links between them are checked, and what this site's receipts say of
 * recordings is compared with state.db. Of receipts that are written meanwhile the chain is left to the next walk. Yields what
 * is not as it should be and returns how many receipts there are.
 */
export async function* auditReceipts(
  deps: ReceiptAuditDeps,
  signal: AbortSignal,
): AsyncGenerator<Finding, number> {
  const before = deps.state.receiptHead();
  const links: ChainLink[] = [];
  for await (const stored of readReceipts(deps.store, deps.prefix, signal)) {
    if (stored.kind === 'invalid') {
      yield { sign: '*', key: stored.key, reason: stored.reason };
      continue;
    }
    links.push(linkOf(stored));
    if (stored.receipt.site === deps.site) yield* compareWithRows(deps, stored);
  }
  // a listing goes by keys, not by time: of the receipts written meanwhile it may have a later one and not the one before
  const isGrowing = deps.state.receiptHead()?.seq !== before?.seq;
  const settled = isGrowing
    ? links.filter(({ site, seq }) => site !== deps.site || seq <= (before?.seq ?? 0))
    : links;
  const heads = new Map(before === undefined ? [] : [[deps.site, before]]);
  for (const { seq, key, reason } of findBreaks(settled, heads)) {
    const name = key ?? `receipt ${seq} of ${deps.site}`;
    yield { sign: key === undefined ? '-' : '*', key: name, reason };
  }
  yield* withoutReceipt(deps);
  return links.length;
}

function* withoutReceipt({ state, dueBefore }: ReceiptAuditDeps): Generator<Finding> {
  for (let after = ''; ;) {
    const page = state.tarsDueForReceipt(after, PAGE, dueBefore);
    for (const { path } of page)
      yield {
        sign: '-',
        key: path,
        reason: 'has no receipt, though all its recordings are in the bucket',
        tar: path,
      };
    const last = page.at(-1);
    if (last === undefined) return;
    after = last.path;
  }
}

function* compareWithRows(
  deps: ReceiptAuditDeps,
  { key: receiptKey, receipt }: Extract<StoredReceipt, { kind: 'receipt' }>,
): Generator<Finding> {
  for (const { key, sha256 } of receipt.recordings) {
    const recording = join(deps.extracted, key.slice(deps.prefix.length));
    const row = deps.state.recording(recording);
    if (row === undefined) {
      yield { sign: '!', key, reason: `${receiptKey} names it, and no row knows it`, recording };
    } else if (row.sha256 !== sha256) {
      const reason = `${receiptKey} says SHA-256 ${sha256}, its row says ${row.sha256 ?? 'none'}`;
      yield { sign: '*', key, reason, recording };
    }
  }
}
