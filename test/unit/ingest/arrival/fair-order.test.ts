import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { roomFor } from '../../../../src/ingest/arrival/room.ts';
import { createFairOrder } from '../../../../src/ingest/arrival/fair-order.ts';

interface Tar {
  readonly path: string;
  readonly orderMs: number;
  readonly streams: ReturnType<ReturnType<typeof createFairOrder>['enter']>;
}

const rig = (order: 'newest' | 'oldest' = 'newest') => {
  const turns = createFairOrder('/in', order);
  const tar = (path: string, orderMs: number): Tar => ({ path, orderMs, streams: turns.enter(path) });
  return { turns, tar };
};

const paths = (tars: readonly Tar[]): string[] => tars.map(({ path }) => path);

test.each([
  ['newest', ['/in/a/3', '/in/a/2', '/in/a/1']],
  ['oldest', ['/in/a/1', '/in/a/2', '/in/a/3']],
] as const)('in one directory the %s goes first', (order, expected) => {
  const { turns, tar } = rig(order);
  const tars = [tar('/in/a/2', 2), tar('/in/a/1', 1), tar('/in/a/3', 3)];
  expect(paths(turns.take(tars, 10))).toEqual(expected);
});

test('equal times go by path', () => {
  const { turns, tar } = rig();
  expect(paths(turns.take([tar('/in/b', 1), tar('/in/a', 1)], 2))).toEqual(['/in/a', '/in/b']);
});

test('a stream that is always newest, in however many directories, starves no other', () => {
  const { turns, tar } = rig();
  const quiet = [tar('/in/quiet/1', 1), tar('/in/quiet/2', 2)];
  let flood: Tar[] = [];
  let next = 100;
  const more = (): void => {
    for (let i = 0; i < 50; i += 1, next += 1) flood.push(tar(`/in/flood/${next}/x`, next));
  };
  const served: string[] = [];
  for (let round = 0; round < 4; round += 1) {
    more();
    const taken = turns.take([...flood, ...quiet.filter(({ path }) => !served.includes(path))], 4);
    served.push(...paths(taken));
    flood = flood.filter((one) => !taken.includes(one));
  }
  expect(served).toContain('/in/quiet/1');
  expect(served).toContain('/in/quiet/2');
});

test('today goes first of most, whatever a backfill brings', () => {
  const { turns, tar } = rig();
  const backfill = Array.from({ length: 1000 }, (_, i) => tar(`/in/${2000 + (i % 20)}/${i % 300}/x${i}`, i));
  const today = Array.from({ length: 10 }, (_, i) => tar(`/in/2026/11/28/t${i}`, 1e6 + i));
  const taken = paths(turns.take([...backfill, ...today], 20));
  expect(taken.filter((path) => path.startsWith('/in/2026'))).toHaveLength(10);
});

test('every tar has its turn once, and what has left its stream leaves nothing', () => {
  const anyTar = fc.record({ name: fc.nat(200), top: fc.nat(3), directory: fc.nat(5), ms: fc.nat(50) });
  fc.assert(
    fc.property(fc.array(anyTar, { maxLength: 60 }), fc.integer({ min: 1, max: 20 }), (all, most) => {
      const { turns, tar } = rig();
      let left = all.map(({ name, top, directory, ms }, i) =>
        tar(`/in/${top}/${directory}/${name}-${i}`, ms),
      );
      const expected = new Set(left);
      while (left.length > 0) {
        const taken = turns.take(left, most);
        expect(taken).toHaveLength(Math.min(most, left.length));
        for (const one of taken) expect(expected.delete(one)).toBe(true);
        left = left.filter((one) => expected.has(one));
      }
      expect(expected.size).toBe(0);
    }),
  );
});

test('of the chosen only those count as served that are kept', () => {
  const { turns, tar } = rig();
  const tars = [tar('/in/a/1', 1), tar('/in/a/2', 2), tar('/in/a/3', 3)];
  expect(paths(turns.take(tars, 3, () => 1))).toEqual(['/in/a/3']);
});

describe('the queue', () => {
  const MIB = 1024 * 1024;
  test.each([
    ['takes a hundred small ones', Array.from({ length: 150 }, () => 1000), 0, [], 100],
    ['takes as many as have left', Array.from({ length: 150 }, () => 1000), 98, [], 2],
    ['takes none while a hundred wait', [1000], 100, [], 0],
    ['takes four of any size', Array.from({ length: 9 }, () => 1024 * MIB), 0, [], 4],
    ['takes none while large ones wait', [1000], 4, [20 * MIB, 20 * MIB, 20 * MIB, 20 * MIB], 0],
    ['takes small ones behind small ones', [1000, 1000], 4, [MIB, MIB, MIB, MIB], 2],
  ])('%s', (_, sizes, waiting, sent, expected) => {
    expect(roomFor(sizes, waiting, sent)).toBe(expected);
  });
});
