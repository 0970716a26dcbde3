import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  digestOf,
  endCommit,
  hashPage,
  knownPages,
  noPages,
  setPage,
} from '../../../../../src/maintenance/point-in-time/archive/page-hashes.ts';

const PAGE = 8; // the smallest that shows everything

function numbered(page: number, content: number): Buffer {
  const bytes = Buffer.alloc(4 + PAGE, content);
  bytes.writeUInt32BE(page, 0);
  return bytes;
}

function digestOfAll(pages: readonly number[]): string {
  const hashes = noPages();
  pages.forEach((content, index) => setPage(hashes, index + 1, hashPage(numbered(index + 1, content))));
  endCommit(hashes, pages.length, pages.length, PAGE);
  return digestOf(hashes);
}

const commit = fc.record({
  writes: fc.array(fc.record({ page: fc.integer({ min: 1, max: 20 }), content: fc.nat(3) }), {
    maxLength: 8,
  }),
  pageCount: fc.integer({ min: 1, max: 20 }),
});

test('the digest that follows commits is that of the state they lead to, whatever grows and shrinks', () => {
  fc.assert(
    fc.property(fc.array(commit, { maxLength: 8 }), (commits) => {
      const hashes = noPages();
      let state: number[] = [];
      for (const { writes, pageCount } of commits) {
        const before = hashes.pageCount;
        const next = [...state];
        for (const { page, content } of writes) {
          setPage(hashes, page, hashPage(numbered(page, content)));
          next[page - 1] = content;
        }
        endCommit(hashes, before, pageCount, PAGE);
        state = Array.from({ length: pageCount }, (_, index) => next[index] ?? 0);
        expect(digestOf(hashes)).toBe(digestOfAll(state));
        expect(digestOf(knownPages(hashes.words.subarray(0, pageCount * 2)))).toBe(digestOf(hashes));
      }
    }),
  );
});

test('two pages that changed places change the digest', () => {
  expect(digestOfAll([1, 2])).not.toBe(digestOfAll([2, 1]));
});

test('setPage tells a changed page from the same one', () => {
  const hashes = noPages();
  expect(setPage(hashes, 3, hashPage(numbered(3, 1)))).toBe(true);
  expect(setPage(hashes, 3, hashPage(numbered(3, 1)))).toBe(false);
  expect(setPage(hashes, 3, hashPage(numbered(3, 2)))).toBe(true);
});
