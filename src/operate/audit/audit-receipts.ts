import { join } from 'node:path';
import {
  findBreaks,
  linkOf,
  readReceipts,
  type ChainLink,
  type Receipt,
  type StoredReceipt,
} from '../../ingest/receipt/index.ts';
import type { ReceiptLedger, RecordingLedger } from '../../domain/ledger.ts';
import type { RecordingRow } from '../../domain/recording.ts';
import { everyPage } from '../../platform/paging/index.ts';
import type { ObjectStore } from '../../platform/s3/index.ts';
import type { Finding } from './compare.ts';

export interface ReceiptAuditDeps {
  readonly ledger: {
    readonly recordings: Pick<RecordingLedger, 'many' | 'manyByKey'>;
    readonly receipts: Pick<ReceiptLedger, 'head' | 'due'>;
  };
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
  const before = await deps.ledger.receipts.head();
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
  const isGrowing = (await deps.ledger.receipts.head())?.seq !== before?.seq;
  const complete = isGrowing
    ? links.filter(({ site, seq }) => site !== deps.site || seq <= (before?.seq ?? 0))
    : links;
  const heads = new Map(before === undefined ? [] : [[deps.site, before]]);
  for (const { seq, key, reason } of findBreaks(complete, heads)) {
    const name = key ?? `receipt ${seq} of ${deps.site}`;
    yield { sign: key === undefined ? '-' : '*', key: name, reason };
  }
  yield* withoutReceipt(deps);
  return links.length;
}

async function* withoutReceipt({ ledger, dueBefore }: ReceiptAuditDeps): AsyncGenerator<Finding> {
  const due = everyPage((after) => ledger.receipts.due({ after, limit: PAGE, before: dueBefore }));
  for await (const page of due)
    for (const { path } of page)
      yield {
        sign: '-',
        key: path,
        reason: 'has no receipt, though all its recordings are in the bucket',
        tar: path,
      };
}

async function* compareWithRows(
  deps: ReceiptAuditDeps,
  { key: receiptKey, receipt }: Extract<StoredReceipt, { kind: 'receipt' }>,
): AsyncGenerator<Finding> {
  const rows = await rowsByKey(deps, receipt);
  for (const { key, sha256 } of receipt.recordings) {
    const row = rows.get(key);
    const recording = row?.path ?? pathOf(deps, key);
    if (row === undefined) {
      yield { sign: '!', key, reason: `${receiptKey} names it, and no row knows it`, recording };
    } else if (row.sha256 !== sha256) {
      const reason = `${receiptKey} says SHA-256 ${sha256}, its row says ${row.sha256 ?? 'none'}`;
      yield { sign: '*', key, reason, recording };
    }
  }
}

const pathOf = ({ extracted, prefix }: ReceiptAuditDeps, key: string): string =>
  join(extracted, key.slice(prefix.length));

/** The rows of a receipt's recordings. One whose key was another's, of a site that shares the bucket say, lies under another path. */
async function rowsByKey(
  deps: ReceiptAuditDeps,
  { recordings }: Receipt,
): Promise<ReadonlyMap<string, RecordingRow>> {
  const { many, manyByKey } = deps.ledger.recordings;
  const keyOf = new Map(recordings.map(({ key }) => [pathOf(deps, key), key]));
  const found = new Map<string, RecordingRow>();
  for (const row of await many([...keyOf.keys()])) {
    const key = keyOf.get(row.path);
    if (key !== undefined && (row.key ?? key) === key) found.set(key, row);
  }
  const others = recordings.map(({ key }) => key).filter((key) => !found.has(key));
  if (others.length > 0) for (const row of await manyByKey(others)) found.set(row.key ?? '', row);
  return found;
}
