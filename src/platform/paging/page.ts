import { WavspoolError } from '../../domain/faults.ts';

/** A page of a list, ready for JSON. */
export interface Page<T> {
  /** `id` tells a row from every other of its list, on any day; what is in it is nobody's business. */
  readonly rows: readonly (T & { readonly id: string })[];
  /** What asks for the page behind this one; null after the last. */
  readonly next: string | null;
}

/** A value, of JSON, as a text that addresses and command lines take as it stands. */
export function cursorOf(value: unknown): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}

/** The value of a cursor that `isKey` knows as one of its list. Throws USAGE for any other text. */
export function readCursor<T>(cursor: string, isKey: (value: unknown) => value is T): T {
  const value = decoded(cursor);
  if (isKey(value)) return value;
  const shown = JSON.stringify(cursor.length > 60 ? `${cursor.slice(0, 60)}…` : cursor);
  throw new WavspoolError('USAGE', `${shown} is no cursor of this list: take what a page gave as "next"`);
}

function decoded(cursor: string): unknown {
  try {
    return JSON.parse(Buffer.from(cursor, 'base64url').toString('utf8'));
  } catch {
    return undefined; // a text of somebody else's, which is no key of any list
  }
}

/** A page of rows, told apart by `keyOf`; `next` is the key that the page behind it begins after, undefined at the end. */
export function pageOf<T extends object>(
  rows: readonly T[],
  keyOf: (row: T) => unknown,
  next: unknown,
): Page<T> {
  return {
    rows: rows.map((row) => ({ id: cursorOf(keyOf(row)), ...row })),
    next: next === undefined ? null : cursorOf(next),
  };
}
