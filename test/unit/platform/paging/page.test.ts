import fc from 'fast-check';
import { expect, test } from 'vitest';
import { cursorOf, pageOf, readCursor } from '../../../../src/platform/paging/index.ts';

const isText = (value: unknown): value is string => typeof value === 'string';

test('a cursor comes back as what it was made of, and needs no escaping in an address', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      const cursor = cursorOf(text);
      expect(encodeURIComponent(cursor)).toBe(cursor);
      expect(readCursor(cursor, isText)).toBe(text);
    }),
    { numRuns: 100 },
  );
});

test.each(['', 'x', '!!', cursorOf(5), cursorOf({ path: '/a' }), 'a'.repeat(10_000)])(
  'a text that no page gave is refused: %s',
  (cursor) => {
    expect(() => readCursor(cursor, isText)).toThrow(/is no cursor of this list/);
  },
);

test('each row has an id of its own; after the last page next is null', () => {
  const page = pageOf([{ path: '/a' }, { path: '/b' }], ({ path }) => path, undefined);
  expect(page.next).toBeNull();
  expect(new Set(page.rows.map(({ id }) => id)).size).toBe(2);
  expect(page.rows[0]).toMatchObject({ path: '/a' });
  expect(pageOf([{ path: '/a' }], ({ path }) => path, '/a').next).toBe(page.rows[0]?.id);
});
