import type { AuditedRow } from '../../domain/ledger.ts';
import type { ListedObject, ObjectHead } from '../../platform/s3/index.ts';

/** As rclone signs them: `-` missing in the bucket, `+` only there, `*` differs, `!` cannot be said or is missing here. */
export type Sign = '-' | '+' | '*' | '!';

/** Something that is not as it should be. */
export interface Finding {
  readonly sign: Sign;
  /** The object's key; for a tar its path, and for a row without a key the recording's. */
  readonly key: string;
  readonly reason: string;
  /** The recording's row, where there is one. */
  readonly recording?: string;
  readonly tar?: string;
}

export interface AuditTotals {
  /** SUCCESS rows that were checked. */
  checked: number;
  same: number;
  /** Objects below the prefix that were listed; 0 where each row was asked for by itself. */
  listed: number;
}

/** What follows from the store's listing: the recording is as it was uploaded, or a closer look is needed. */
export function judgeListed(row: AuditedRow, listed: ListedObject | undefined): 'same' | 'look' {
  if (listed === undefined || (row.size !== undefined && listed.size !== row.size)) return 'look';
  // every write of an object gives it the ETag of its bytes: the one that our own PUT got means our own bytes
  return row.etag !== undefined && listed.etag === row.etag ? 'same' : 'look';
}

export type HeadJudgement =
  | { readonly kind: 'same' }
  /** Written again since, with the same hash noted: only its bytes can tell. */
  | { readonly kind: 'download' }
  | { readonly kind: 'finding'; readonly sign: '-' | '*'; readonly reason: string };

/** What follows from an object's head. */
export function judgeHead(row: AuditedRow, head: ObjectHead | undefined): HeadJudgement {
  if (head === undefined) return { kind: 'finding', sign: '-', reason: 'is not in the bucket' };
  if (row.size !== undefined && head.size !== row.size) {
    return differs(`has ${head.size} bytes, ${row.size} were uploaded`);
  }
  const noted = head.metadata['sha256'];
  if (row.sha256 === undefined) return { kind: 'same' }; // a legacy row knows no more than the name
  if (noted !== undefined && noted !== row.sha256) {
    return differs(`bears SHA-256 ${noted}, ${row.sha256} was uploaded`);
  }
  return noted !== undefined && row.etag !== undefined && head.etag === row.etag
    ? { kind: 'same' }
    : { kind: 'download' };
}

/** What follows from the SHA-256 of an object's bytes. */
export function judgeBytes(row: AuditedRow, sha256: string): HeadJudgement {
  if (row.sha256 === undefined || row.sha256 === sha256) return { kind: 'same' };
  return differs(`holds bytes with SHA-256 ${sha256}, ${row.sha256} was uploaded`);
}

function differs(reason: string): HeadJudgement {
  return { kind: 'finding', sign: '*', reason };
}

const LISTED_AT_ONCE = 1000;

/** Whether listing the whole prefix takes fewer requests than a HEAD for each row. */
export function isListingCheaper(rows: number, objects: number): boolean {
  return Math.ceil(objects / LISTED_AT_ONCE) < rows;
}

/** Compares keys as S3 sorts them: by their UTF-8 bytes. */
export function compareKeys(a: string, b: string): number {
  return a === b ? 0 : Buffer.compare(Buffer.from(a), Buffer.from(b));
}

export type Pair =
  | { readonly row: AuditedRow; readonly object: ListedObject | undefined }
  | { readonly row: undefined; readonly object: ListedObject };

/** Walks rows and objects, both in the order of their keys, side by side; memory stays that of one of each. A row without a key has no object. */
export async function* sideBySide(
  rows: AsyncIterable<readonly AuditedRow[]>,
  objects: AsyncIterable<ListedObject>,
): AsyncGenerator<Pair> {
  const listing = objects[Symbol.asyncIterator]();
  let next = await listing.next();
  for await (const page of rows)
    for (const row of page) {
      const comesFirst = ({ key }: ListedObject): boolean =>
        row.key !== undefined && compareKeys(key, row.key) < 0;
      while (next.done !== true && comesFirst(next.value)) {
        yield { row: undefined, object: next.value };
        next = await listing.next();
      }
      const object = next.done !== true && next.value.key === row.key ? next.value : undefined;
      yield { row, object };
      if (object !== undefined) next = await listing.next();
    }
  for (; next.done !== true; next = await listing.next()) yield { row: undefined, object: next.value };
}
