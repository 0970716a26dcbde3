import { expect, test } from 'vitest';
import { chooseTables, type Listed } from '../../../../src/maintenance/export/choose-tables.ts';

const LISTED: readonly Listed[] = [
  { name: 'likes', type: 'table' },
  { name: 'Comments', type: 'table' },
  { name: 'popular', type: 'view' },
  { name: 'search', type: 'virtual' },
  { name: 'search_data', type: 'shadow' },
  { name: 'sqlite_sequence', type: 'table' },
];
const choose = (...wanted: string[]): readonly string[] => chooseTables(LISTED, wanted, 'app.db');

test('tables come in the order of the settings, each once, with the name that they have', () => {
  expect(choose('comments', 'likes', 'COMMENTS')).toEqual(['Comments', 'likes']);
});

test.each([
  ['shares', 'app.db: there is no table "shares"; its tables are: Comments, likes'],
  ['popular', 'is a view, which has no rows of its own'],
  ['search', 'is a virtual table'],
  ['search_data', 'belongs to the virtual table "search"'],
  ['sqlite_sequence', '"sqlite_sequence" is SQLite\'s own'],
])('%s is refused, and those there are listed', (name, message) => {
  expect(() => choose('likes', name)).toThrow(message);
  expect(() => choose('likes', name)).toThrow('its tables are: Comments, likes');
});

test('a database without tables says so', () => {
  expect(() => chooseTables([], ['a'], 'app.db')).toThrow('there is no table "a"; it has no tables');
});
