import { expect, test } from 'vitest';
import { chainFrom, findBreaks, type ChainLink } from '../../../../src/ingest/receipt/chain.ts';

const link = (seq: number, changes: Partial<ChainLink> = {}): ChainLink => ({
  key: `.receipts/${seq}.json`,
  site: 'main',
  seq,
  sha256: `hash ${seq}`,
  previous: seq === 1 ? null : `hash ${seq - 1}`,
  ...changes,
});
const head = (seq: number) => new Map([['main', { seq, sha256: `hash ${seq}` }]]);
const reasons = (links: readonly ChainLink[], heads = head(3)): readonly string[] =>
  findBreaks(links, heads).map(({ seq, reason }) => `${seq}: ${reason}`);

test('a whole chain has no break, in whatever order it is listed', () => {
  expect(reasons([link(3), link(1), link(2)])).toEqual([]);
  expect(reasons([], new Map())).toEqual([]);
});

test.each([
  ['the first one is missing', [link(2), link(3)], ['2: receipt 1 is missing']],
  ['one in the middle is missing', [link(1), link(3)], ['3: receipt 2 is missing']],
  ['the last one is missing', [link(1), link(2)], ['3: receipt 3 is missing: state.db knows 3 as the last']],
  ['all are missing', [], ['3: receipt 1 to 3 are missing: state.db knows 3 as the last']],
  [
    'one is there twice',
    [link(1), link(2), link(2, { key: 'copy' }), link(3)],
    ['2: receipt 2 is there twice: the other is .receipts/2.json'],
  ],
  [
    'one was altered',
    [link(1), link(2, { sha256: 'other' }), link(3)],
    ['3: .receipts/2.json is not what it was when this receipt was written: its SHA-256 was hash 2'],
  ],
  [
    'the last one was altered',
    [link(1), link(2), link(3, { sha256: 'other' })],
    ['3: its SHA-256 is not the hash 3 that state.db knows'],
  ],
  [
    'the first one names another',
    [link(1, { previous: 'hash 0' }), link(2), link(3)],
    ['1: the first receipt names one before it'],
  ],
] as const)('%s', (_, links, expected) => {
  expect(reasons(links)).toEqual(expected);
});

test('without a state.db the last receipt cannot be missed, every other one can', () => {
  expect(reasons([link(1), link(2)], new Map())).toEqual([]);
  expect(reasons([link(1), link(3)], new Map())).toEqual(['3: receipt 2 is missing']);
});

test('each site has a chain of its own', () => {
  expect(
    reasons([link(1), link(2), link(3), link(1, { site: 'other' }), link(3, { site: 'other' })]),
  ).toEqual(['3: receipt 2 is missing']);
});

const chosen = (links: readonly ChainLink[], after?: number): readonly string[] =>
  chainFrom(links, after === undefined ? undefined : { seq: after, sha256: `hash ${after}` }).accepted.map(
    ({ key }) => key.replace('.receipts/', '').replace('.json', ''),
  );
const forged = (seq: number): ChainLink =>
  link(seq, { key: `forged ${seq}`, previous: 'nobody', sha256: `forged ${seq}` });

test.each<[string, readonly ChainLink[], number | undefined, readonly string[]]>([
  ['from the beginning', [link(2), link(1)], undefined, ['1', '2']],
  ['behind the last that state.db knows', [link(1), link(2), link(3)], 1, ['2', '3']],
  ['nothing where the bucket has no more', [link(1)], 1, []],
  ['without one that does not name the one before it', [link(1), forged(2)], 1, []],
  ['the one of two that the next names', [forged(2), link(2), link(3)], undefined, ['2', '3']],
  ['the one of two that names the one before', [link(1), forged(2), link(2)], undefined, ['1', '2']],
  ['past one that is missing', [link(1), link(3), link(4)], undefined, ['1', '3', '4']],
  ['past one that is another’s', [link(1), forged(2), link(3)], 1, ['3']],
])('the chain goes on %s', (_, links, after, expected) => {
  expect(chosen(links, after)).toEqual(expected);
  expect(chosen(links.toReversed(), after)).toEqual(expected);
});

test('what is none of the chain is named with its reason', () => {
  expect(chainFrom([link(1), forged(2), link(2)], undefined).rejected).toEqual([
    { key: 'forged 2', reason: 'it does not name the receipt before it, so it is none of the chain' },
  ]);
  const twin = link(1, { key: 'twin' });
  expect(chainFrom([link(1), twin], undefined).rejected).toMatchObject([{ key: 'twin' }]);
});
