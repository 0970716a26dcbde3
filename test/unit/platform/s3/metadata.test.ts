import { expect, test } from 'vitest';
import { headerSafe, readMetadata } from '../../../../src/platform/s3/metadata.ts';

test.each([
  ['2025/09/01/file1.tar', '2025/09/01/file1.tar'],
  ['a file.tar', 'a%20file.tar'],
  ['größe.tar', 'gr%C3%B6%C3%9Fe.tar'],
  ['100%', '100%25'],
  ['=?UTF-8?Q?x?=', '%3D?UTF-8?Q?x?='],
  ['line\nbreak', 'line%0Abreak'],
  ['', ''],
])('%j goes into a header as %j', (value, sent) => {
  expect(headerSafe({ tar: value })).toEqual({ tar: sent });
});

test('of a value that is too long the end is kept, whole characters and 1 KiB at most', () => {
  const value = `${'ö'.repeat(1000)}/file1.tar`;
  const sent = headerSafe({ tar: value })['tar'] ?? '';
  expect(sent.length).toBeLessThanOrEqual(1024);
  expect(sent.length).toBeGreaterThan(1000);
  expect(readMetadata({ tar: sent })['tar']).toMatch(/^\.\.\.ö+\/file1\.tar$/);
});

test('metadata of others that is not percent-encoded stays as it is', () => {
  expect(readMetadata({ Note: '50% off' })).toEqual({ note: '50% off' });
  expect(readMetadata(undefined)).toEqual({});
});
