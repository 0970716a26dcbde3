import { createHash } from 'node:crypto';
import { messageOf } from '../../domain/faults.ts';
import type { ObjectStore } from '../../platform/s3/index.ts';
import type { ChainLink } from './chain.ts';
import { RECEIPTS, mayBeReceipt, readReceipt, type Receipt } from './document.ts';

/** An object below `.receipts/`: its receipt, or why it is none. */
export type StoredReceipt =
  | { readonly kind: 'receipt'; readonly key: string; readonly sha256: string; readonly receipt: Receipt }
  | { readonly kind: 'invalid'; readonly key: string; readonly reason: string };

/** Its place in the chain. */
export function linkOf({
  key,
  sha256,
  receipt: { site, seq, previous },
}: Extract<StoredReceipt, { kind: 'receipt' }>): ChainLink {
  return { key, sha256, site, seq, previous };
}

/** Every receipt below the prefix that was written at `since` (ms since 1970) or later, one at a time. Throws a store fault. */
export async function* readReceipts(
  store: Pick<ObjectStore, 'list' | 'get'>,
  prefix: string,
  signal: AbortSignal,
  since = 0,
): AsyncGenerator<StoredReceipt> {
  for await (const { key, modified } of store.list(`${prefix}${RECEIPTS}`, signal)) {
    if (mayBeReceipt(key) && modified >= since) yield await readStored(store, prefix, key, signal);
  }
}

/** The object with that key. Throws a store fault. */
export async function readStored(
  store: Pick<ObjectStore, 'get'>,
  prefix: string,
  key: string,
  signal: AbortSignal,
): Promise<StoredReceipt> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of await store.get(key, signal)) chunks.push(chunk);
  const bytes = Buffer.concat(chunks);
  try {
    const receipt = readReceipt(prefix, key, bytes.toString('utf8'));
    return { kind: 'receipt', key, sha256: createHash('sha256').update(bytes).digest('hex'), receipt };
  } catch (error) {
    return { kind: 'invalid', key, reason: messageOf(error) };
  }
}
