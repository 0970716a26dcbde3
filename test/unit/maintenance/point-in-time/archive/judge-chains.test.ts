import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  arrange,
  chainsOf,
  type FullBackup,
} from '../../../../../src/maintenance/point-in-time/archive/chain.ts';
import type { SegmentName } from '../../../../../src/maintenance/point-in-time/archive/names.ts';
import { judgeChains } from '../../../../../src/maintenance/point-in-time/archive/judge-chains.ts';
import { fullBackup, MINUTE_MS, segment, verifiedFullBackup } from '../archives.ts';

function judge(
  fullBackups: readonly FullBackup[],
  segments: readonly SegmentName[],
  keepMinutes: number,
  nowMinutes = Number.MAX_SAFE_INTEGER / MINUTE_MS,
) {
  const archive = arrange(fullBackups, segments, []);
  return judgeChains(archive, chainsOf(archive), keepMinutes * MINUTE_MS, nowMinutes * MINUTE_MS);
}

/** Chains of ten minutes, `count` of them, each with nine records; all verified to their ends, the newest to its full backup. */
function tenMinuteChains(count: number): { fullBackups: FullBackup[]; segments: SegmentName[] } {
  const fullBackups: FullBackup[] = [];
  const segments: SegmentName[] = [];
  for (let chain = 0; chain < count; chain += 1) {
    const position = chain * 10 + 1;
    const newest = chain === count - 1;
    fullBackups.push(
      verifiedFullBackup(
        position,
        chain * 10,
        newest ? { position, at: chain * 10 } : { position: position + 10, at: chain * 10 + 10 },
      ),
    );
    segments.push(segment(position + 1, position + 10, chain * 10 + 1, chain * 10 + 10));
  }
  return { fullBackups, segments };
}

const keptOf = (judged: ReturnType<typeof judge>): number[] =>
  judged.filter(({ keep }) => keep).map(({ chain }) => chain?.fullBackup.position ?? 0);

describe('whole verified chains', () => {
  const { fullBackups, segments } = tenMinuteChains(5);

  test('the full backup before the window stays, with all that follows', () => {
    const judged = judge(fullBackups, segments, 15); // counted back from minute 40, the newest verified point
    expect(judged.map(({ keep, reason }) => [keep, reason])).toEqual([
      [false, 'a later verified chain covers the whole window'],
      [false, 'a later verified chain covers the whole window'],
      [true, 'the full backup before the window'],
      [true, 'inside the window'],
      [true, 'the newest verified chain'],
    ]);
  });

  test.each([
    ['is not verified', fullBackup(21, 20)],
    ['is not verified to its end', verifiedFullBackup(21, 20, { position: 25, at: 24 })],
  ])('nothing goes for a chain that %s', (_, replacement) => {
    const doubtful = fullBackups.with(2, replacement);
    expect(keptOf(judge(doubtful, segments, 15))).toEqual([11, 21, 31, 41]);
  });

  test('nothing goes for a chain with a hole', () => {
    const holed = segments.with(2, segment(24, 31, 23, 30));
    expect(keptOf(judge(fullBackups, holed, 15))).toEqual([11, 21, 31, 41]);
  });

  test('with nothing verified, nothing goes', () => {
    const judged = judge(
      fullBackups.map((it) => ({ ...it, verified: undefined })),
      segments,
      1,
    );
    expect(keptOf(judged)).toEqual([1, 11, 21, 31, 41]);
    expect(judged[0]?.reason).toBe('nothing is verified yet');
  });

  test('when captures stopped long ago, nothing more goes: the window ends with the newest verified point', () => {
    expect(keptOf(judge(fullBackups, segments, 1_000_000))).toEqual([1, 11, 21, 31, 41]);
  });

  test('records that a crash while pruning left behind go', () => {
    const [first, ...rest] = fullBackups;
    expect(first?.position).toBe(1);
    const judged = judge(rest, segments, 1_000);
    expect(judged[0]).toMatchObject({
      keep: false,
      chain: undefined,
      reason: 'no full backup leads to these records',
    });
    expect(keptOf(judged)).toEqual([11, 21, 31, 41]);
  });

  test('a clock that is ahead lets nothing more go, and neither does what it left when it is right again', () => {
    const years = 10 * 365 * 24 * 60;
    const ahead = [...fullBackups, verifiedFullBackup(51, years, { position: 51, at: years })];
    // the record that was captured with that clock ends the chain before
    const seen = segments.with(4, segment(42, 51, 41, years));
    expect(keptOf(judge(ahead, seen, 15, years))).toEqual([21, 31, 41, 51]);
    expect(keptOf(judge(ahead, seen, 15, 50))).toEqual([21, 31, 41, 51]);
    const right = [...ahead, verifiedFullBackup(61, 51, { position: 61, at: 51 })];
    const all = [...seen, segment(52, 61, years, 51)];
    expect(keptOf(judge(right, all, 15, 52))).toEqual([31, 41, 51, 61]);
  });

  test('a step of the clock that a second full backup bears out counts', () => {
    const day = 100_000;
    const later = [
      ...fullBackups.with(4, verifiedFullBackup(41, 40, { position: 51, at: day })),
      verifiedFullBackup(51, day, { position: 61, at: day + 10 }),
      verifiedFullBackup(61, day + 10, { position: 61, at: day + 10 }),
    ];
    const all = [...segments, segment(52, 61, day + 1, day + 10)];
    expect(keptOf(judge(later, all, 15, day + 11))).toEqual([41, 51, 61]);
  });

  test('nothing goes for a database that was emptied', () => {
    const empty = [...fullBackups, verifiedFullBackup(51, 60, { position: 51, at: 60 }, { pageCount: 0 })];
    expect(keptOf(judge(empty, segments, 15))).toEqual([21, 31, 41, 51]);
  });

  test('an empty archive loses nothing', () => {
    expect(judge([], segments, 1)).toEqual([]);
  });
});

test('whatever is verified and however long is kept: the newest verified chain stays, only the oldest go, the window stays whole, twice is once', () => {
  const archives = fc.record({
    count: fc.integer({ min: 1, max: 8 }),
    states: fc.array(fc.constantFrom('whole', 'begun', 'none', 'hole'), { minLength: 8, maxLength: 8 }),
    keep: fc.integer({ min: 1, max: 100 }),
  });
  fc.assert(
    fc.property(archives, ({ count, states, keep }) => {
      const made = tenMinuteChains(count);
      const fullBackups = made.fullBackups.map((it, index) => {
        if (states[index] === 'none') return { ...it, verified: undefined };
        return states[index] === 'begun'
          ? verifiedFullBackup(it.position, index * 10, { position: it.position, at: index * 10 })
          : it;
      });
      const segments = made.segments.map((it, index) =>
        states[index] === 'hole' ? { ...it, first: it.first + 3, from: it.from + 3 * MINUTE_MS } : it,
      );
      const kept = keptOf(judge(fullBackups, segments, keep));
      const all = fullBackups.map(({ position }) => position);
      expect(kept).toEqual(all.slice(all.length - kept.length));
      expect(kept.length).toBeGreaterThan(0);
      const newest = fullBackups.findLast(({ verified }) => verified !== undefined);
      if (newest === undefined) {
        expect(kept).toEqual(all);
      } else {
        expect(kept).toContain(newest.position);
        const cutoff = (newest.verified?.through.at ?? 0) - keep * MINUTE_MS;
        const oldest = fullBackups.find(({ position }) => position === kept[0]);
        if (kept.length < all.length) {
          expect(oldest?.at).toBeLessThanOrEqual(cutoff);
          expect(oldest?.verified).toBeDefined();
        }
      }
      const left = judge(
        fullBackups.filter(({ position }) => kept.includes(position)),
        segments.filter(({ last }) => last > (kept[0] ?? 0)),
        keep,
      );
      expect(keptOf(left)).toEqual(kept);
    }),
  );
});
