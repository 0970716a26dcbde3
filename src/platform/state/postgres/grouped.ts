import { isOfOneRow } from './pg-faults.ts';

/** So many rows go with one statement. */
const MOST = 1000;

interface Waiting<T> {
  readonly item: T;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Groups what arrives while a statement is under way into the next one: under load a statement, and the sync of its commit, serves
 * hundreds of rows; idle they wait for nothing. Of several that have the same `keyOf` the last one is written. Where a row is why the
 * statement fails, each is written by itself, so that it fails alone.
 */
export function grouped<T>(
  keyOf: (item: T) => string,
  write: (items: readonly T[]) => Promise<unknown>,
): (item: T) => Promise<void> {
  let waiting: Waiting<T>[] = [];
  let running = false;

  const writeAlone = async ({ item, resolve, reject }: Waiting<T>): Promise<void> => {
    try {
      await write([item]);
      resolve();
    } catch (error) {
      reject(error);
    }
  };
  const writeGroup = async (group: readonly Waiting<T>[]): Promise<void> => {
    try {
      await write([...new Map(group.map(({ item }) => [keyOf(item), item])).values()]);
      for (const { resolve } of group) resolve();
    } catch (error) {
      if (group.length > 1 && isOfOneRow(causeOf(error))) for (const one of group) await writeAlone(one);
      else for (const { reject } of group) reject(error);
    }
  };
  const run = async (): Promise<void> => {
    running = true;
    await new Promise((resolve) => setImmediate(resolve)); // what completes in this turn joins the group
    while (waiting.length > 0) {
      const group = waiting.slice(0, MOST);
      waiting = waiting.slice(MOST);
      await writeGroup(group);
    }
    running = false;
  };

  return (item) =>
    new Promise((resolve, reject) => {
      waiting.push({ item, resolve, reject });
      if (!running) void run();
    });
}

function causeOf(error: unknown): unknown {
  return error instanceof Error && error.cause !== undefined ? error.cause : error;
}
