import { createHash } from 'node:crypto';
import { messageOf } from '../faults.ts';
import type { ObjectStore } from '../store/index.ts';
import { RECEIPTS, readReceipt, type Receipt } from './document.ts';

/** An object below `.receipts/`: its receipt, or why it is none. */
export type StoredReceipt =
  | { readonly kind: 'receipt'; readonly key: string; readonly sha256: string; readonly receipt: Receipt }
  | { readonly kind: 'invalid'; readonly key: string; readonly reason: string };

/** Every receipt below the prefix, one at a time. Throws a store fault. */
export async function* readReceipts(
  store: Pick<ObjectStore, 'list' | 'get'>,
  prefix: string,
  signal: AbortSignal,
): AsyncGenerator<StoredReceipt> {
  for await (const { key } of store.list(`${prefix}${RECEIPTS}`, signal)) {
    yield await readStored(store, key, signal);
  }
}

/** The object with that key. Throws a store fault. */
export async function readStored(
  store: Pick<ObjectStore, 'get'>,
  key: string,
  signal: AbortSignal,
): Promise<StoredReceipt> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of await store.get(key, signal)) chunks.push(chunk);
  const bytes = Buffer.concat(chunks);
  try {
    const receipt = readReceipt(key, bytes.toString('utf8'));
    return { kind: 'receipt', key, sha256: createHash('sha256').update(bytes).digest('hex'), receipt };
  } catch (error) {
    return { kind: 'invalid', key, reason: messageOf(error) };
  }
}
