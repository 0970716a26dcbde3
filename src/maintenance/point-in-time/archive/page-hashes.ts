import { Buffer } from 'node:buffer';
import { hash } from 'node:crypto';

/**
 * A hash of every page of one state of a database: the first 8 bytes of SHA-256 over the page's number (4 bytes,
 * big-endian) and its content. The exclusive or of all of them is the state's digest: it follows every commit at the cost of
 * the changed pages, and a restored file must have it.
 */
export interface PageHashes {
  pageCount: number;
  /** Two words per page; both 0: not set. */
  words: Uint32Array;
  high: number;
  low: number;
}

export interface PageHash {
  readonly high: number;
  readonly low: number;
}

export function noPages(): PageHashes {
  return { pageCount: 0, words: new Uint32Array(0), high: 0, low: 0 };
}

/** The hashes that an index holds. */
export function knownPages(words: Uint32Array): PageHashes {
  const hashes = { pageCount: words.length / 2, words, high: 0, low: 0 };
  for (let at = 0; at < words.length; at += 2) {
    hashes.high ^= words[at] ?? 0;
    hashes.low ^= words[at + 1] ?? 0;
  }
  return hashes;
}

/** The hash of a page that is preceded by its number. */
export function hashPage(numbered: Buffer): PageHash {
  const sum = hash('sha256', numbered, 'buffer');
  return { high: sum.readUInt32BE(0), low: sum.readUInt32BE(4) };
}

/** Sets the hash of a page, and says whether it was another one before. */
export function setPage(hashes: PageHashes, page: number, { high, low }: PageHash): boolean {
  if (page * 2 > hashes.words.length) hashes.words = grown(hashes.words, page * 2);
  if (page > hashes.pageCount) hashes.pageCount = page;
  const at = (page - 1) * 2;
  const [oldHigh = 0, oldLow = 0] = [hashes.words[at], hashes.words[at + 1]];
  hashes.words[at] = high;
  hashes.words[at + 1] = low;
  hashes.high ^= oldHigh ^ high;
  hashes.low ^= oldLow ^ low;
  return (high | 0) !== (oldHigh | 0) || (low | 0) !== (oldLow | 0);
}

/**
 * Ends a commit after which the database has `pageCount` pages: those behind are gone, and those that were added without
 * content are zeros. `before` is the count after the last commit.
 */
export function endCommit(hashes: PageHashes, before: number, pageCount: number, pageSize: number): void {
  for (let page = pageCount + 1; page <= hashes.pageCount; page += 1) {
    setPage(hashes, page, { high: 0, low: 0 });
  }
  if (pageCount * 2 > hashes.words.length) hashes.words = grown(hashes.words, pageCount * 2);
  hashes.pageCount = pageCount;
  const zeros = Buffer.alloc(4 + pageSize);
  for (let page = before + 1; page <= pageCount; page += 1) {
    if (hashes.words[page * 2 - 2] !== 0 || hashes.words[page * 2 - 1] !== 0) continue;
    zeros.writeUInt32BE(page, 0);
    setPage(hashes, page, hashPage(zeros));
  }
}

/** The state's digest, 16 hex digits. */
export function digestOf({ high, low }: PageHash): string {
  return [high, low].map((word) => (word >>> 0).toString(16).padStart(8, '0')).join('');
}

function grown(words: Uint32Array, length: number): Uint32Array {
  const more = new Uint32Array(Math.max(length, Math.min(words.length * 2, words.length + 1_000_000)));
  more.set(words);
  return more;
}
