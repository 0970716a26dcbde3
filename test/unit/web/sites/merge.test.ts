import { expect, test } from 'vitest';
import {
  mergePages,
  type AskPage,
  type Places,
  type Row,
  type SitePage,
} from '../../../../src/web/sites/merge.ts';

const isBefore = (a: Row, b: Row): boolean => Number(a['at']) > Number(b['at']);

/** Sites whose lists hold these moments, the latest first; `shortest` rows at most on a page, as a search gives them. */
function sitesOf(lists: Readonly<Record<string, readonly number[]>>, shortest = Infinity): AskPage {
  return (site, after, limit) => {
    const list = lists[site];
    if (list === undefined) return Promise.resolve(undefined);
    const from = after === undefined ? 0 : Number(after);
    const to = from + Math.min(limit, shortest);
    const page: SitePage = {
      rows: list.slice(from, to).map((at) => ({ at })),
      next: to < list.length ? String(to) : null,
    };
    return Promise.resolve(page);
  };
}

async function everything(names: readonly string[], ask: AskPage, limit: number): Promise<unknown[]> {
  const seen: unknown[] = [];
  let places: Places = {};
  for (let pages = 0; pages < 50; pages += 1) {
    const page = await mergePages(names, places, limit, ask, isBefore);
    seen.push(...page.rows.map(({ site, at }) => `${String(site)}${String(at)}`));
    places = page.places;
    if (names.every((name) => places[name] === null || places[name] === undefined)) return seen;
  }
  throw new Error('it never ends');
}

const LISTS = { a: [9, 7, 5, 4], b: [8], c: [6, 3, 2, 1] };
const ORDER = ['a9', 'b8', 'a7', 'c6', 'a5', 'a4', 'c3', 'c2', 'c1'];

test.each([1, 2, 3, 100])('pages of %i give every row once, in the order of the list', async (limit) => {
  expect(await everything(['a', 'b', 'c'], sitesOf(LISTS), limit)).toEqual(ORDER);
});

test('a site that gives short pages keeps back what comes behind them', async () => {
  expect(await everything(['a', 'b', 'c'], sitesOf(LISTS, 1), 5)).toEqual(ORDER);
});

test('a site that cannot be asked keeps its place, and holds up no other', async () => {
  const page = await mergePages(['a', 'gone'], { gone: '3' }, 2, sitesOf(LISTS), isBefore);
  expect(page.rows).toEqual([
    { site: 'a', at: 9 },
    { site: 'a', at: 7 },
  ]);
  expect(page.places).toEqual({ a: '2', gone: '3' });
});

const counting: AskPage = (site) =>
  Promise.resolve({ rows: [], next: null, ...(site === 'a' && { total: 5 }) });

test('a total is told only where every site tells one', async () => {
  expect((await mergePages(['a'], {}, 1, counting, isBefore)).total).toBe(5);
  expect((await mergePages(['a', 'b'], {}, 1, counting, isBefore)).total).toBeUndefined();
});
