import { inflateRawSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  walFrames,
  walIndex,
  walOffset,
  walStart,
  type WalPosition,
} from '../../../../src/platform/sqlite/wal.ts';

// A log that SQLite 3.54.1 wrote, with its index: page size 512, three commits (a table, a row, a row of 900 bytes).
const LOG = inflateRawSync(
  Buffer.from(
    'M69na2LQfSTBwMDEAAKu9rYxN2v8tAw5nCKEDaZdY2BgYEQW5zlb2Pv7hcLh4ECfzJJUhbT8otzEEgVjBiYGJiYGBwUFBohBEMMgAKSfBY1PCDAx6M3cyAtSzHifgfE+wyigL5BnZBPn52fUL0lMykktKWFyDnJ1DHFVCHF08nFVKNFI1ITFMyxdGLR+0KgxMwrnZUCL/VEw0gBKunj97MXyFRZFDZC8/JOB8edoAI0owMrIJJyfl4pejxyKnG74apu7G4F6hHm0HhkR9Qg8XTxmvXCmRNqjiRcskQ4qL9Jp6L52dibmPpHReBo0gBlRXoDyPjMsXZzMYXq26u++ZaMhNLIBAA==',
    'base64',
  ),
);
const INDEX = Buffer.from(
  'GOItAAAAAAADAAAAAQAAAgYAAAADAAAA5gJsyaa+/apFPz1c2XxOKj0LK7DP1aZcGOItAAAAAAADAAAAAQAAAgYAAAADAAAA5gJsyaa+/apFPz1c2XxOKj0LK7DP1aZcAAAAAAAAAAADAAAA////////////////AAAAAAAAAAAAAAAAAAAAAA==',
  'base64',
);
const FRAME = 24 + 512;

function startOf(log: Buffer): WalPosition {
  const start = walStart(log);
  if (start === undefined) throw new Error('no header');
  return start;
}

describe('a log that SQLite wrote', () => {
  test('its header, its frames, its commits and its end are found', () => {
    const start = startOf(LOG);
    expect(start).toMatchObject({ pageSize: 512, frame: 0, bigEndian: false });
    const { frames, end } = walFrames(LOG.subarray(32), start);
    expect(frames.map(({ page, pageCount }) => [page, pageCount])).toEqual([
      [1, 0],
      [2, 2],
      [2, 2],
      [1, 0],
      [2, 0],
      [3, 3],
    ]);
    expect(end.frame).toBe(6);
    expect(walOffset(end)).toBe(LOG.length);
  });

  test('its index names the same end', () => {
    const index = walIndex(INDEX, true);
    const { end } = walFrames(LOG.subarray(32), startOf(LOG));
    expect(index).toMatchObject({ pageSize: 512, pageCount: 3, frames: 6, salt: end.salt, checkpointed: 0 });
    expect(index?.checksum).toEqual(end.checksum);
  });

  test('it can be read in pieces', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 6 }), (first) => {
        const start = startOf(LOG);
        const begun = walFrames(LOG.subarray(32, 32 + first * FRAME), start);
        const rest = walFrames(LOG.subarray(walOffset(begun.end)), begun.end);
        expect(rest.end).toEqual(walFrames(LOG.subarray(32), start).end);
        expect(begun.frames.length + rest.frames.length).toBe(6);
      }),
    );
  });

  test('cut anywhere, it holds the frames that are whole', () => {
    fc.assert(
      fc.property(fc.integer({ min: 32, max: LOG.length }), (length) => {
        const { frames } = walFrames(LOG.subarray(32, length), startOf(LOG));
        expect(frames).toHaveLength(Math.floor((length - 32) / FRAME));
      }),
    );
  });

  test('with any bit flipped, it ends before the frame that bit is in', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: LOG.length * 8 - 1 }), (bit) => {
        const flipped = Buffer.from(LOG);
        const at = Math.floor(bit / 8);
        flipped[at] = (flipped[at] ?? 0) ^ (1 << (bit % 8));
        const start = walStart(flipped);
        if (at < 32) {
          expect(start).toBeUndefined();
        } else {
          const { frames } = walFrames(flipped.subarray(32), startOf(LOG));
          expect(frames).toHaveLength(Math.floor((at - 32) / FRAME));
        }
      }),
      { numRuns: 500 },
    );
  });
});

describe('an index', () => {
  test('in the middle of a change it says nothing', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 96 * 8 - 1 }), (bit) => {
        const changing = Buffer.from(INDEX);
        changing[Math.floor(bit / 8)] = (changing[Math.floor(bit / 8)] ?? 0) ^ (1 << (bit % 8));
        expect(walIndex(changing, true)).toBeUndefined();
      }),
    );
  });

  test('too short, or of the other byte order, it says nothing', () => {
    expect(walIndex(INDEX.subarray(0, 99), true)).toBeUndefined();
    expect(walIndex(Buffer.alloc(0), true)).toBeUndefined();
    expect(walIndex(INDEX, false)).toBeUndefined();
  });
});
