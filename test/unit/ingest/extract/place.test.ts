import { expect, test } from 'vitest';
import { candidatePaths, judgePlace, judgeLegacy, tarStem } from '../../../../src/ingest/extract/place.ts';

const A = 'a'.repeat(64);
const B = 'b'.repeat(64);
const row = (sha256: string | undefined, status: 'PENDING' | 'SUCCESS' | 'FAILED') => ({
  sha256,
  size: 1,
  status,
});

test('P5: a recording’s own path, then below its tar’s name, then below its hash, at last without the tar’s name', () => {
  expect(candidatePaths('/x/2025', 'file1.tar.gz', 'a/b.wav', A)).toEqual([
    '/x/2025/a/b.wav',
    '/x/2025/file1/a/b.wav',
    '/x/2025/file1/aaaaaaaaaaaa/a/b.wav',
    '/x/2025/aaaaaaaaaaaa/a/b.wav',
  ]);
});

test.each([
  ['file1.tar', 'file1'],
  ['file1.TGZ', 'file1'],
  ['a.b.tar.zst', 'a.b'],
  ['.tar', '.tar'],
])('%s without its suffix is %s', (name, stem) => {
  expect(tarStem(name)).toBe(stem);
});

test.each([
  ['nothing is there', undefined, undefined, 'free'],
  ['the same bytes without a row: a crash before the commit', undefined, A, 'same'],
  ['another file without a row', undefined, B, 'taken'],
  ['another recording', row(B, 'SUCCESS'), B, 'taken'],
  ['another recording whose file is gone', row(B, 'PENDING'), undefined, 'taken'],
  ['the same, uploaded, file kept or cleaned up', row(A, 'SUCCESS'), undefined, 'same'],
  ['the same, not uploaded yet', row(A, 'PENDING'), A, 'same'],
  ['the same, its file lost', row(A, 'FAILED'), undefined, 'free'],
  ['the same, its file altered', row(A, 'FAILED'), B, 'altered'],
  ['a row that was taken over, the same file', row(undefined, 'SUCCESS'), A, 'same'],
  [
    'a row that was taken over and uploaded, file gone: its object proves it',
    row(undefined, 'SUCCESS'),
    undefined,
    'ask the store',
  ],
  ['a row that was taken over, not uploaded, file gone', row(undefined, 'FAILED'), undefined, 'free'],
] as const)('P5: %s', (_case, occupant, fileSha256, expected) => {
  expect(judgePlace(A, occupant, fileSha256)).toBe(expected);
});

test.each([
  ['the object is this recording', true, false, 'same'],
  ['the object is another recording', false, true, 'taken'],
  ['no object, and the tar was taken over with the row', undefined, true, 'same'],
  ['no object, and a tar that came since', undefined, false, 'taken'],
] as const)('a taken-over row whose file is gone: %s', (_case, isSame, isOfLegacyTar, expected) => {
  expect(judgeLegacy(isSame, isOfLegacyTar)).toBe(expected);
});
