import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  decodeFullBackup,
  decodeHeader,
  decodeIndex,
  decodeVerification,
  encodeFullBackup,
  encodeIndex,
  encodeRecord,
  encodeVerification,
  headerLength,
  type RecordHeader,
} from '../../../../../src/maintenance/point-in-time/archive/format.ts';
import {
  fullBackupFile,
  parseName,
  segmentFile,
} from '../../../../../src/maintenance/point-in-time/archive/names.ts';
import { fullBackup } from '../archives.ts';

const position = fc.integer({ min: 0, max: 999_999_999_999 });
const time = fc.integer({ min: 0, max: 253_402_300_799_999 });

describe('names', () => {
  test('a name says what it was made of', () => {
    fc.assert(
      fc.property(position, fc.nat(1000), time, time, fc.nat(999_999), (first, more, from, to, points) => {
        const name = { first, last: Math.min(first + more, 999_999_999_999), from, to, points };
        expect(parseName(segmentFile(name))).toEqual({ kind: 'segment', ...name });
        expect(parseName(fullBackupFile({ position: first, at: from }, 'db.zst'))).toEqual({
          kind: 'full backup',
          position: first,
          at: from,
          file: 'db.zst',
        });
      }),
    );
  });

  test('in the order of their names, files are in the order of their positions', () => {
    fc.assert(
      fc.property(position, position, time, (one, other, at) => {
        const [a, b] = [one, other].map((first) =>
          segmentFile({ first, last: first, from: at, to: at, points: 1 }),
        );
        expect((a ?? '') < (b ?? '')).toBe(one < other);
      }),
    );
  });

  test.each([
    'lock',
    'pages.index',
    '.wavspool-h-1-2-3.tmp',
    'base-1-20261119T140320123Z.json',
    'records-000000000002-000000000001-20261119T140320123Z-20261119T140320123Z-1.pit',
    'base-000000000001-20261399T140320123Z.json',
  ])('%s is none of them', (name) => expect(parseName(name)).toBeUndefined());
});

const HEADER: RecordHeader = {
  position: 2,
  at: 1_795_250_722_984,
  previous: 'd'.repeat(64),
  pageSize: 4096,
  pages: 1,
  commits: [[1, 127, '88ab3efb7baa5501']],
  contentBytes: 3,
};

describe('records', () => {
  test('are read as they were written', () => {
    const { bytes, link } = encodeRecord(HEADER, Buffer.from([1, 2, 3]));
    const length = headerLength(bytes.subarray(0, 12)) ?? 0;
    expect(decodeHeader(bytes.subarray(12, 12 + length))).toEqual(HEADER);
    expect(bytes.subarray(12 + length, 15 + length)).toEqual(Buffer.from([1, 2, 3]));
    expect(bytes.subarray(15 + length).toString('hex')).toBe(link);
  });

  test('something else is not taken for one', () => {
    expect(headerLength(Buffer.from('SQLite format 3'))).toBeUndefined();
    expect(headerLength(Buffer.from('WSPPIT1\n\xff\xff\xff\xff', 'latin1'))).toBeUndefined();
    expect(headerLength(Buffer.alloc(3))).toBeUndefined();
    expect(decodeHeader(Buffer.from('{"position":2}'))).toBeUndefined();
  });
});

describe('descriptions', () => {
  const { verified: _, ...description } = fullBackup(1, 0);
  const verification = { position: 1, through: { position: 3, at: 7 }, at: 9 };

  test('are read as they were written', () => {
    expect(decodeFullBackup(encodeFullBackup(description))).toEqual(description);
    expect(decodeVerification(encodeVerification(verification))).toEqual(verification);
    const index = {
      position: 3,
      link: 'd'.repeat(64),
      pageSize: 512,
      pageCount: 2,
      digest: '0'.repeat(16),
      evidence: null,
    };
    const words = new Uint32Array([1, 2, 3, 4_000_000_000]);
    expect(decodeIndex(encodeIndex(index, words))).toEqual({ header: index, words });
  });

  test('with any bit flipped they are not', () => {
    const text = Buffer.from(encodeFullBackup(description));
    const index = encodeIndex(
      {
        position: 3,
        link: 'd'.repeat(64),
        pageSize: 512,
        pageCount: 1,
        digest: '0'.repeat(16),
        evidence: 'e',
      },
      new Uint32Array([1, 2]),
    );
    fc.assert(
      fc.property(fc.nat(), (bit) => {
        for (const [bytes, decode] of [
          [text, (it: Buffer) => decodeFullBackup(it.toString())],
          [index, decodeIndex],
        ] as const) {
          const flipped = Buffer.from(bytes);
          const at = Math.floor(bit / 8) % bytes.length;
          flipped[at] = (flipped[at] ?? 0) ^ (1 << (bit % 8));
          expect(decode(flipped)).toBeUndefined();
        }
      }),
      { numRuns: 300 },
    );
  });
});
