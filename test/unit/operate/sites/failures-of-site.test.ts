import { expect, test } from 'vitest';
import { chosenRecordings, failureFilter } from '../../../../src/operate/requeue/index.ts';
import { failuresOfSite } from '../../../../src/operate/sites/index.ts';
import type { SiteApi } from '../../../../src/operate/sites/index.ts';

const FAILED = Array.from({ length: 1300 }, (_, i) => ({
  path: `/x/${i}.wav`,
  tar: `/in/${i % 2 === 0 ? 'even' : 'odd'}.tar`,
  errorMessage: i % 100 === 0 ? 'refused by the store' : 'gone',
}));

/** Answers as the API does: a page begins behind a row, and `next` names its last one. */
const api: SiteApi = {
  site: 'east',
  open: () => {
    throw new Error('not asked');
  },
  ask: ({ path }) => {
    const { pathname, searchParams } = new URL(path, 'http://east');
    if (pathname === '/api/failures') return Promise.resolve({ rows: [], next: null });
    if (pathname === '/api/tars')
      return Promise.resolve({ rows: [{ path: '/in/even.tar' }, { path: '/in/odd.tar' }], next: null });
    const from = Number(searchParams.get('after') ?? 0);
    const to = from + Number(searchParams.get('limit'));
    return Promise.resolve({ rows: FAILED.slice(from, to), next: to < FAILED.length ? String(to) : null });
  },
};

const settings = { paths: { incoming: '/in' } };

async function chosen(words: object, from?: string): Promise<readonly { path: string; cursor: string }[]> {
  const ledger = failuresOfSite(api);
  const choice = await failureFilter({ ledger, settings }, words);
  const pages = await Array.fromAsync(chosenRecordings(ledger.recordings, choice, from));
  return pages.flat().map(({ row, cursor }) => ({ path: row.path, cursor }));
}

test('every failure of a site is told once, by whatever word, and a list goes on behind any row of it', async () => {
  const all = await chosen({});
  expect(all.map(({ path }) => path)).toEqual(FAILED.map(({ path }) => path));
  for (const at of [0, 250, 499, 500, 1298]) {
    const behind = await chosen({ match: 'text:' }, all[at]?.cursor);
    expect(behind.map(({ path }) => path)).toEqual(FAILED.slice(at + 1).map(({ path }) => path));
  }
});

test('a pattern and a tar choose as they do in a ledger', async () => {
  expect(await chosen({ match: 'refused by' })).toHaveLength(13);
  expect(await chosen({ tar: 'odd.tar' })).toHaveLength(650);
  await expect(chosen({ tar: 'odt.tar' })).rejects.toThrow('did you mean odd.tar?');
});
