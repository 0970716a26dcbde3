/** The first of what it is given, by path; in memory there are never more than these. */
export interface Page<T extends { readonly path: string }> {
  /** Returns what has no place on the page: the one that it was given, one that had to go, or none. */
  offer(one: T): T | undefined;
  readonly items: () => readonly T[];
  /** Whether something that comes behind `after` had no place. */
  readonly isFull: () => boolean;
}

/** A page of at most `limit` items whose paths come behind `after`. */
export function createPage<T extends { readonly path: string }>(after: string, limit: number): Page<T> {
  const items: T[] = [];
  let isFull = false;
  return {
    items: () => items,
    isFull: () => isFull,
    offer: (one) => {
      if (one.path <= after) return one;
      let from = 0;
      let to = items.length;
      while (from < to) {
        const middle = Math.floor((from + to) / 2);
        if ((items[middle]?.path ?? '') <= one.path) from = middle + 1;
        else to = middle;
      }
      if (from >= limit) {
        isFull = true;
        return one;
      }
      items.splice(from, 0, one);
      if (items.length <= limit) return undefined;
      isFull = true;
      return items.pop();
    },
  };
}
