import { WavspoolError } from '../../domain/faults.ts';

/** A page of a list, ready for JSON. */
export interface Page<T> {
  /** `id` tells a row from every other of its list, on any day; only the list knows what is in it. */
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
  return valueOf(cursor, isKey, 'is no cursor of this list: take what a page gave as "next"');
}

/** The key of the row with that id. Throws USAGE for a text that is no id. */
export function readId<T>(id: string, isKey: (value: unknown) => value is T): T {
  return valueOf(id, isKey, 'is no id: take what a row of the list gave as "id"');
}

function valueOf<T>(text: string, isKey: (value: unknown) => value is T, refusal: string): T {
  const value = decoded(text);
  if (isKey(value)) return value;
  const shown = JSON.stringify(text.length > 60 ? `${text.slice(0, 60)}…` : text);
  throw new WavspoolError('USAGE', `${shown} ${refusal}`);
}

function decoded(cursor: string): unknown {
  try {
    return JSON.parse(Buffer.from(cursor, 'base64url').toString('utf8'));
  } catch {
    return undefined; // a text that wavspool did not make, which is no key of any list
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
