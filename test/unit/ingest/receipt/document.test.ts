import { expect, test } from 'vitest';
import { mayBeReceipt, readReceipt, receiptKeys } from '../../../../src/ingest/receipt/document.ts';

const SHA256 = 'a'.repeat(64);
const receipt = (path: string): string =>
  JSON.stringify({
    format: 'wavspool-receipt/1',
    site: 'main',
    seq: 7,
    previous: null,
    tar: { path, size: 1, modified: '2026-03-03T00:00:00.000Z', sha256: SHA256 },
    recordings: [],
  });

test('a receipt lies below its tar’s path, a later one and another site’s beside it', () => {
  expect(receiptKeys('calls/', { site: 'main', name: '2026/a.tar', sha256: SHA256, seq: 7 })).toEqual([
    'calls/.receipts/2026/a.tar.json',
    `calls/.receipts/2026/a.tar.${'a'.repeat(12)}.json`,
    `calls/.receipts/2026/a.tar.${'a'.repeat(12)}.7.json`,
    `calls/.receipts/2026/a.tar.${'a'.repeat(12)}.main.7.json`,
  ]);
});

test('a path that is too long for a key is there as its hash', () => {
  for (const length of [960, 990, 1000, 1024, 4000]) {
    const name = `${'ö'.repeat(length / 2 - 2)}.tar`;
    const keys = receiptKeys('calls/', { site: 'main', name, sha256: SHA256, seq: 1_000_000 });
    for (const key of keys) expect(Buffer.byteLength(key)).toBeLessThanOrEqual(1024);
    expect(new Set(keys).size).toBe(4);
    expect(keys[0]?.startsWith('calls/.receipts/.long/')).toBe(length > 980);
  }
});

test('a receipt counts where it belongs, and nowhere else', () => {
  expect(readReceipt('', '.receipts/a.tar.json', receipt('a.tar'))).toMatchObject({ seq: 7 });
  expect(() => readReceipt('', '.receipts/b.tar.json', receipt('a.tar'))).toThrow(/not where a receipt/);
  expect(() => readReceipt('calls/', '.receipts/a.tar.json', receipt('a.tar'))).toThrow(
    /not where a receipt/,
  );
  expect(() => readReceipt('', '.receipts/a.tar.json', '{}')).toThrow(/not a receipt/);
  expect(mayBeReceipt('.receipts/x.wav')).toBe(false);
});
