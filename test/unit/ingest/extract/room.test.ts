import { describe, expect, test } from 'vitest';
import { judgeRoom, type Disk, type Need } from '../../../../src/ingest/extract/room.ts';

const disk: Disk = { bsize: 4096, blocks: 1000, bfree: 600, bavail: 500, files: 10_000, ffree: 5000 };
const FREE = 500 * 4096;
const CAPACITY = 900 * 4096; // without what is kept for root
const need = (bytes: number, inodes = 1, written = { bytes: 0, inodes: 0 }): Need => ({
  bytes,
  inodes,
  written,
});

describe('a disk', () => {
  test.each<[string, Partial<Disk>, Need, number, string]>([
    ['has room', {}, need(1000), 4096, 'fits'],
    ['has room to the last byte', {}, need(FREE - 4096), 4096, 'fits'],
    ['has not one byte more', {}, need(FREE - 4095), 4096, 'too much now'],
    ['has room for what is written already', {}, need(FREE, 1, { bytes: 4096, inodes: 0 }), 4096, 'fits'],
    ['that is low has room for no tar', { bavail: 0 }, need(0), 4096, 'disk is low'],
    ['without inodes has room for no tar', { ffree: 999 }, need(0), 4096, 'disk is low'],
    ['that is low is told before what can never fit', { bavail: 0 }, need(CAPACITY), 4096, 'disk is low'],
    ['can never hold more than it has', {}, need(CAPACITY), 4096, 'never'],
    ['can hold all that is there', {}, need(CAPACITY - 4096), 4096, 'too much now'],
    ['has inodes', {}, need(0, 4000), 4096, 'fits'],
    ['has not one inode more', {}, need(0, 4001), 4096, 'too much now'],
    ['counts inodes that are written already', {}, need(0, 4500, { bytes: 0, inodes: 500 }), 4096, 'fits'],
    ['can never hold more inodes than it has', {}, need(0, 9001), 4096, 'never'],
    ['may have no limit of inodes', { files: 0, ffree: 0 }, need(0, 1e9), 4096, 'fits'],
  ])('%s', (_, changed, wanted, minFreeBytes, kind) => {
    expect(judgeRoom({ ...disk, ...changed }, wanted, minFreeBytes).kind).toBe(kind);
  });
});
