/** Works on up to `atOnce` items at the same time and yields what comes of them in their order. Throws what the first failing one throws. */
export async function* inOrder<T, R>(
  items: AsyncIterable<T>,
  atOnce: number,
  work: (item: T) => Promise<R>,
): AsyncGenerator<R> {
  const running: Promise<R>[] = [];
  try {
    for await (const item of items) {
      const begun = work(item);
      begun.catch(() => undefined); // it is awaited when its turn comes
      running.push(begun);
      if (running.length < atOnce) continue;
      const [first, ...rest] = running.splice(0);
      running.push(...rest);
      if (first !== undefined) yield await first;
    }
    for (const one of running) yield await one;
  } finally {
    await Promise.allSettled(running);
  }
}
