import { expect, test } from 'vitest';
import {
  counts,
  offsiteMetadata,
  parseKey,
} from '../../../../../src/maintenance/point-in-time/ship/offsite-archive.ts';

const set = {
  prefix: 'points/shop/0123456789abcdef/',
  database: 'shop',
  set: '0123456789abcdef',
  origin: 'o',
  source: 's',
};
const name = 'records-000000000002-000000000004-20260901T020000000Z-20260901T020300000Z-3.pit';
const metadata = offsiteMetadata(set, 12, 'a'.repeat(64));

test.each<[string, boolean]>([
  [`0123456789abcdef/${name}`, true],
  [`0123456789abcdef/${name}~0123456789ab`, true],
  [`0123456789abcdef/${name}~else`, false],
  [`0123456789abcdef/deeper/${name}`, false],
  [`elsewhere/${name}`, false],
  ['0123456789abcdef/notes.txt', false],
  ['0123456789abcdef/', false],
  [name, false],
])('%s is one of an archive’s files: %s', (key, isOne) => {
  const parsed = parseKey('points/shop/', `points/shop/${key}`);
  expect(parsed?.name).toBe(isOne ? name : undefined);
  if (isOne) expect(parsed).toMatchObject({ set: set.set, parsed: { kind: 'segment', first: 2, last: 4 } });
});

test.each<[string, Record<string, string | undefined>, number, boolean]>([
  ['as it was sent', {}, 12, true],
  ['cut', {}, 11, false],
  ['without metadata', Object.fromEntries(Object.keys(metadata).map((key) => [key, undefined])), 12, false],
  ['of another database', { database: 'other' }, 12, false],
  ['of another archive', { set: 'fedcba9876543210' }, 12, false],
  ['a snapshot', { kind: 'snapshot' }, 12, false],
  ['without its hash', { sha256: undefined }, 12, false],
  ['with something else for a hash', { sha256: 'yes' }, 12, false],
])('an object that is %s', (_, changes, size, expected) => {
  const given = Object.entries({ ...metadata, ...changes }).filter(
    (entry): entry is [string, string] => entry[1] !== undefined,
  );
  expect(counts(Object.fromEntries(given), size, set)).toBe(expected);
});
