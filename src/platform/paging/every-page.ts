import type { Cursor, PageOf } from '../../domain/ledger.ts';

/** The rows of a list from `from` on, a page at a time; the next page is read when it is asked for. */
export async function* everyPage<T>(
  read: (after: Cursor | undefined) => Promise<PageOf<T>>,
  from?: Cursor,
): AsyncGenerator<readonly T[], void, undefined> {
  let after = from;
  do {
    const { rows, next } = await read(after);
    yield rows;
    after = next;
  } while (after !== undefined);
}
