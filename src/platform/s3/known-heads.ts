import type { ListedObject, ObjectHead, ObjectStore } from './object-store.ts';

const known = new WeakMap<object, Map<string, ObjectHead>>();

/**
 * The head of a listed object, undefined when it was removed since. What a store has once said of one that has not changed is not
 * asked again.
 */
export async function knownHead(
  store: Pick<ObjectStore, 'head'>,
  { key, etag, size }: Pick<ListedObject, 'key' | 'etag' | 'size'>,
  signal: AbortSignal,
): Promise<ObjectHead | undefined> {
  const heads = known.get(store) ?? new Map<string, ObjectHead>();
  known.set(store, heads);
  const id = `${etag} ${size} ${key}`;
  const head = heads.get(id) ?? (await store.head(key, signal));
  if (head !== undefined) heads.set(id, head);
  return head;
}
