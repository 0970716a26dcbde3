import { expect, test } from 'vitest';
import { batchSize } from '../../../../src/ingest/extract/batch-size.ts';

const KIB = 1024;
const tar = (recordings: number, meanBytes = 20 * KIB) => ({ recordings, bytes: recordings * meanBytes });

test.each([
  ['a small tar on a quiet day: no recording waits for another', tar(100), 0, 64, 1],
  ['just too few for two jobs before each request', tar(255), 0, 64, 1],
  ['two jobs before each request, of two recordings', tar(256), 0, 64, 2],
  ['what other tars have waiting counts', tar(56), 200, 64, 2],
  ['a large tar', tar(1000), 0, 64, 7],
  ['a backlog', tar(1000), 20_000, 64, 32],
  ['large recordings have jobs of their own', tar(1000, 5 * KIB * KIB), 20_000, 64, 1],
  ['a job carries a mebibyte', tar(1000, 256 * KIB), 20_000, 64, 4],
  ['one request at a time', tar(40), 0, 1, 20],
  ['empty recordings', tar(1000, 0), 0, 64, 7],
  ['a tar without recordings', tar(0), 20_000, 64, 1],
])('%s', (_, taken, waiting, concurrency, expected) => {
  expect(batchSize(taken, waiting, concurrency)).toBe(expected);
});
