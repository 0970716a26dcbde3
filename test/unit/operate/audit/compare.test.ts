import { expect, test } from 'vitest';
import {
  isListingCheaper,
  judgeBytes,
  judgeHead,
  judgeListed,
} from '../../../../src/operate/audit/compare.ts';
import type { AuditedRow } from '../../../../src/domain/ledger.ts';
import type { ListedObject } from '../../../../src/platform/s3/index.ts';

const row = (changes: Partial<AuditedRow> = {}): AuditedRow => ({
  path: '/x/a.wav',
  key: 'a.wav',
  tar: '/in/a.tar',
  size: 10,
  sha256: 'aa',
  etag: '"e"',
  ...changes,
});
const listed = (changes: Partial<ListedObject> = {}): ListedObject => ({
  key: 'a.wav',
  size: 10,
  etag: '"e"',
  modified: 0,
  ...changes,
});
const head = (changes: object = {}) => ({
  size: 10,
  etag: '"e"',
  versionId: undefined,
  metadata: { sha256: 'aa' },
  ...changes,
});

test.each([
  ['the ETag of our PUT', row(), listed(), 'same'],
  ['not listed', row(), undefined, 'look'],
  ['another size', row(), listed({ size: 11 }), 'look'],
  ['another ETag', row(), listed({ etag: '"f"' }), 'look'],
  ['a taken-over row', row({ size: undefined, sha256: undefined, etag: undefined }), listed(), 'look'],
] as const)('a listing with %s', (_, audited, object, expected) => {
  expect(judgeListed(audited, object)).toBe(expected);
});

test.each([
  ['gone', row(), undefined, { kind: 'finding', sign: '-' }],
  ['as it was', row(), head(), { kind: 'same' }],
  ['of another size', row(), head({ size: 9 }), { kind: 'finding', sign: '*' }],
  ['with another hash', row(), head({ metadata: { sha256: 'bb' } }), { kind: 'finding', sign: '*' }],
  ['written again with the same hash noted', row(), head({ etag: '"f"' }), { kind: 'download' }],
  ['written again without a hash', row(), head({ etag: '"f"', metadata: {} }), { kind: 'download' }],
  [
    'of a taken-over row',
    row({ size: undefined, sha256: undefined, etag: undefined }),
    head({ metadata: {} }),
    { kind: 'same' },
  ],
] as const)('an object that is %s', (_, audited, object, expected) => {
  expect(judgeHead(audited, object)).toMatchObject(expected);
});

test('bytes with another hash differ', () => {
  expect(judgeBytes(row(), 'aa')).toEqual({ kind: 'same' });
  expect(judgeBytes(row(), 'bb')).toMatchObject({ kind: 'finding', sign: '*' });
});

test('a few rows of many are asked for one by one, many are listed', () => {
  expect(isListingCheaper(10, 1_000_000)).toBe(false);
  expect(isListingCheaper(1001, 1_000_000)).toBe(true);
});
