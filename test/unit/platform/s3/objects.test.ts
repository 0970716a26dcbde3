import { expect, test } from 'vitest';
import { likeness } from '../../../../src/platform/s3/objects.ts';
import { abortsBelow } from '../../../../src/platform/s3/probe.ts';
import { partSize } from '../../../../src/platform/s3/put-in-parts.ts';

const MIB = 1024 * 1024;
const SHA256 = 'ab'.repeat(32);
const wanted = { size: 10, sha256: SHA256 };

test.each([
  [10, { sha256: SHA256 }, 'same'],
  [10, { sha256: SHA256.toUpperCase() }, 'same'],
  [11, { sha256: SHA256 }, 'different'],
  [10, { sha256: 'cd'.repeat(32) }, 'different'],
  [10, {}, 'unknown'],
  [10, { sha256: 'not a hash' }, 'unknown'],
] as const)('P5: an object of %d bytes with metadata %j is %s', (size, metadata, likely) => {
  expect(likeness({ size, metadata, etag: '"e"', versionId: undefined }, wanted)).toBe(likely);
});

test.each([
  [100 * MIB, 16 * MIB, 16 * MIB],
  [160_000 * MIB, 16 * MIB, 16 * MIB],
  [160_001 * MIB, 16 * MIB, 17 * MIB],
  [5 * 1024 * 1024 * MIB, 5 * MIB, 525 * MIB],
])('%d bytes with parts of %d wanted go in parts of %d', (size, asked, bytes) => {
  expect(partSize(size, asked)).toBe(bytes);
  expect(Math.ceil(size / bytes)).toBeLessThanOrEqual(10_000);
});

test.each([
  [true, { Filter: { Prefix: '' } }],
  [true, { Filter: { Prefix: 'calls/' } }],
  [true, { Prefix: '' }],
  [true, {}],
  [false, { Filter: { Prefix: 'calls/2025/' } }],
  [false, { Filter: { And: { Prefix: '', Tags: [] } } }],
  [false, { Filter: { Tag: { Key: 'a', Value: 'b' } } }],
  [false, { Status: 'Disabled' as const }],
  [false, { AbortIncompleteMultipartUpload: undefined }],
])('covers the prefix calls/: %j for the rule %j', (covers, part) => {
  const rule = {
    Status: 'Enabled' as const,
    AbortIncompleteMultipartUpload: { DaysAfterInitiation: 7 },
    ...part,
  };
  expect(abortsBelow(rule, 'calls/')).toBe(covers);
});
