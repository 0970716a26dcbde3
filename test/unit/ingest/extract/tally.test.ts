import { expect, test } from 'vitest';
import { emptyTally, requireSize } from '../../../../src/ingest/extract/tally.ts';

const LIMITS = {
  concurrency: 1,
  copy: true,
  maxEntries: 10,
  maxEntryBytes: 100,
  maxTotalBytes: 150,
  minFreeBytes: 0,
  maxBacklog: { recordings: 1, bytes: 1 },
};

test.each<[string, number, number, string | undefined]>([
  ['a member that fits', 50, 100, undefined],
  ['one that is too large', 0, 101, 'exceeds extract.maxEntryBytes (100)'],
  // a bomb says how large it is: not a byte of it is written
  ['one with which the tar is', 51, 100, 'exceeds extract.maxTotalBytes (150)'],
])('%s', (_, bytes, size, fault) => {
  const judge = (): void => requireSize({ ...emptyTally(), bytes }, '/in/a.tar', size, LIMITS);
  if (fault === undefined) return expect(judge).not.toThrow();
  expect(judge).toThrow(expect.objectContaining({ code: 'TAR_TOO_LARGE', message: `/in/a.tar ${fault}` }));
});
