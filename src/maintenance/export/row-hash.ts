import { createHash } from 'node:crypto';
import type { Row } from './read-tables.ts';

/** The rows of one table in a few bytes: equal only for equal rows in equal order, of equal types, bit by bit. */
export interface RowHash {
  add(row: Row): void;
  sum(): TableSum;
}

export interface TableSum {
  readonly rows: number;
  readonly sha256: string;
}

const SMALL_BYTES = 64 * 1024;
const TAGS = { end: 0, null: 1, integer: 2, real: 3, text: 4, blob: 5 } as const;

/** Begins the hash of a table's rows. */
export function rowHash(): RowHash {
  const hash = createHash('sha256');
  const small = Buffer.alloc(SMALL_BYTES); // a call of the hash costs more than what it would hash here
  let used = 0;
  let rows = 0;
  const flush = (): void => {
    hash.update(small.subarray(0, used));
    used = 0;
  };
  const add = (tag: number, write: (at: number) => number, bytes: number): void => {
    if (used + bytes + 1 > SMALL_BYTES) flush();
    small[used] = tag;
    used = write(used + 1);
  };
  const addBytes = (tag: number, bytes: Buffer): void => {
    add(tag, (at) => small.writeDoubleLE(bytes.length, at), 8);
    if (bytes.length > SMALL_BYTES) {
      flush();
      hash.update(bytes);
      return;
    }
    if (used + bytes.length > SMALL_BYTES) flush();
    used += bytes.copy(small, used);
  };
  return {
    add: ({ values, isText }) => {
      rows += 1;
      for (const [index, value] of values.entries()) {
        if (value === null) add(TAGS.null, (at) => at, 0);
        else if (typeof value === 'bigint') add(TAGS.integer, (at) => small.writeBigInt64LE(value, at), 8);
        else if (typeof value === 'number') add(TAGS.real, (at) => small.writeDoubleLE(value, at), 8);
        else addBytes(isText(index) ? TAGS.text : TAGS.blob, value);
      }
      add(TAGS.end, (at) => at, 0);
    },
    sum: () => {
      flush();
      return { rows, sha256: hash.digest('hex') };
    },
  };
}
