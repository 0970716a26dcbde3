import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  arrange,
  fullBackupDue,
  fullBackupRules,
  chainsOf,
  choosePoint,
  headOf,
  rangeOf,
  waysTo,
} from '../../../../../src/maintenance/point-in-time/archive/chain.ts';
import { fullBackup, MINUTE_MS, segment } from '../archives.ts';

const DAY_MS = 86_400_000;

describe('chains', () => {
  test('a chain is a full backup and the records up to the next base', () => {
    const archive = arrange(
      [fullBackup(5, 25), fullBackup(1, 0, { continues: false })],
      [segment(6, 7, 30, 35), segment(2, 4, 5, 20), segment(5, 5, 25)],
      [],
    );
    const chains = chainsOf(archive);
    expect(chains.map(({ segments }) => segments.map(({ first }) => first))).toEqual([[2, 5], [6]]);
    expect(chains.map(({ end, points, missing }) => [end.position, points, missing])).toEqual([
      [5, 5, []],
      [7, 3, []],
    ]);
    expect(headOf(archive)).toEqual({ position: 7, at: 35 * MINUTE_MS });
    expect(rangeOf(chains)).toEqual({ from: 0, to: 35 * MINUTE_MS });
  });

  test('records that a merge left behind count once', () => {
    const archive = arrange(
      [fullBackup(1, 0)],
      [segment(2, 2, 5), segment(2, 4, 5, 7), segment(3, 3, 6), segment(4, 4, 7)],
      [],
    );
    expect(archive.segments).toEqual([segment(2, 4, 5, 7)]);
    expect(archive.duplicates).toHaveLength(3);
    expect(chainsOf(archive)[0]?.points).toBe(4);
  });

  test.each([
    ['in the middle', [segment(2, 2, 5), segment(5, 6, 20, 25)], [{ first: 3, last: 4 }], 2],
    ['at the beginning', [segment(3, 6, 10, 25)], [{ first: 2, last: 2 }], 1],
    ['before the next base', [segment(2, 5, 5, 20)], [{ first: 6, last: 6 }], 5],
  ])('what is missing %s is noticed', (_, segments, missing, end) => {
    const [chain] = chainsOf(arrange([fullBackup(1, 0), fullBackup(6, 25)], segments, []));
    expect(chain?.missing).toEqual(missing);
    expect(chain?.end.position).toBe(end);
  });

  test('nothing is missing before a full backup that begins a new line', () => {
    const archive = arrange(
      [fullBackup(1, 0), fullBackup(6, 25, { continues: false })],
      [segment(2, 5, 5, 20)],
      [],
    );
    expect(chainsOf(archive)[0]?.missing).toEqual([]);
  });
});

describe('the point at or before a time', () => {
  const archive = arrange(
    [fullBackup(1, 0), fullBackup(5, 20)],
    [segment(2, 2, 5), segment(3, 3, 10), segment(4, 4, 15), segment(5, 5, 20), segment(6, 8, 25, 35)],
    [],
  );
  const chains = chainsOf(archive);
  test.each([
    [0, 1, undefined],
    [4.99, 1, undefined],
    [5, 1, 2],
    [19.99, 1, 4],
    [20, 5, undefined],
    [24, 5, undefined],
    [27, 5, 6],
    [1000, 5, 6],
  ])('minute %d: full backup %d, segment %s', (minute, position, first) => {
    const choice = choosePoint(chains, minute * MINUTE_MS);
    expect(choice.kind).toBe('restore');
    if (choice.kind !== 'restore') return;
    expect([choice.chain.fullBackup.position, choice.segment?.first]).toEqual([position, first]);
  });

  test('before the first full backup there is none', () => {
    expect(choosePoint(chains, -1)).toEqual({ kind: 'outside' });
  });

  test('a time at which something missing may have been captured is not silently answered with what is there', () => {
    const broken = chainsOf(
      arrange(
        [fullBackup(1, 0), fullBackup(5, 20)],
        [segment(2, 2, 5), segment(4, 4, 15), segment(5, 5, 20)],
        [],
      ),
    );
    expect(choosePoint(broken, 5 * MINUTE_MS).kind).toBe('restore');
    for (const minute of [6, 12, 15, 19]) {
      expect(choosePoint(broken, minute * MINUTE_MS)).toEqual({
        kind: 'unreachable',
        missing: [{ first: 3, last: 3 }],
        reachable: 5 * MINUTE_MS,
      });
    }
    expect(choosePoint(broken, 20 * MINUTE_MS).kind).toBe('restore');
  });

  test('it is the newest record at or before the time, whatever full backups and merges there are', () => {
    fc.assert(
      fc.property(
        fc.array(fc.record({ gap: fc.integer({ min: 1, max: 9 }), isFullBackup: fc.boolean() }), {
          minLength: 1,
          maxLength: 30,
        }),
        fc.array(fc.nat(4), { minLength: 1 }),
        fc.nat(300),
        (steps, lots, minute) => {
          let at = 0;
          const records = steps.map(({ gap, isFullBackup }, index) => ({
            position: index + 2,
            at: (at += gap),
            isFullBackup,
          }));
          const fullBackups = [
            fullBackup(1, 0),
            ...records.filter((it) => it.isFullBackup).map((it) => fullBackup(it.position, it.at)),
          ];
          const segments = [];
          for (let start = 0, turn = 0; start < records.length; turn += 1) {
            let end = start; // files hold some records, and end where a full backup lies
            const wanted = start + (lots[turn % lots.length] ?? 0);
            while (end < wanted && end + 1 < records.length && records[end]?.isFullBackup !== true) end += 1;
            const [first, last] = [records[start], records[end]];
            if (first && last) segments.push(segment(first.position, last.position, first.at, last.at));
            start = end + 1;
          }
          const choice = choosePoint(chainsOf(arrange(fullBackups, segments, [])), minute * MINUTE_MS);
          const wanted = records.findLast((it) => it.at <= minute);
          expect(choice.kind).toBe('restore');
          if (choice.kind !== 'restore') return;
          const { chain } = choice;
          const upto = choice.segment ?? {
            first: chain.fullBackup.position,
            last: chain.fullBackup.position,
          };
          expect(upto.first).toBeLessThanOrEqual(wanted?.position ?? 1);
          expect(upto.last).toBeGreaterThanOrEqual(wanted?.position ?? 1);
        },
      ),
    );
  });
});

describe('other ways to a state', () => {
  const segments = [segment(2, 5, 5, 20), segment(6, 9, 25, 40), segment(10, 12, 45, 55)];
  test('it can be reached from older full backups through what lies between', () => {
    const chains = chainsOf(arrange([fullBackup(1, 0), fullBackup(5, 20), fullBackup(9, 40)], segments, []));
    const ways = waysTo(chains, chains[2] as (typeof chains)[number]);
    expect(ways.map((way) => [way.fullBackup.position, way.segments.length])).toEqual([
      [9, 1],
      [5, 2],
      [1, 3],
    ]);
  });

  test('but not across a break, nor across something that is missing', () => {
    const broken = chainsOf(
      arrange([fullBackup(1, 0), fullBackup(6, 25, { continues: false })], [segment(2, 5, 5, 20)], []),
    );
    expect(waysTo(broken, broken[1] as (typeof broken)[number])).toHaveLength(1);
    const holed = chainsOf(arrange([fullBackup(1, 0), fullBackup(9, 40)], [segment(6, 9, 25, 40)], []));
    expect(waysTo(holed, holed[1] as (typeof holed)[number])).toHaveLength(1);
  });
});

test.each([
  [undefined, 0, 0, 'the first one'],
  [fullBackup(1, 0), 0, DAY_MS - 1, undefined],
  [fullBackup(1, 0), 0, DAY_MS, 'the last one is old enough'],
  [fullBackup(1, 60), 0, 0, 'the last one is old enough'],
  [fullBackup(1, 0), 256 * 2 ** 20 + 1, 1, 'the records outgrew it'],
  [fullBackup(1, 0, { storedBytes: 2 ** 40 }), 256 * 2 ** 20 + 1, 1, undefined],
])(
  'a full backup is due when there is none, when it is old, when the records outgrew it',
  (last, bytes, now, reason) => {
    expect(fullBackupDue(last, bytes, now, fullBackupRules({ every: 300_000, keep: 7 * DAY_MS }))).toBe(
      reason,
    );
  },
);

test('full backups are made as often as points are dropped, but not more often than states are captured', () => {
  expect(fullBackupRules({ every: 300_000, keep: 30 * DAY_MS }).everyMs).toBe(DAY_MS);
  expect(fullBackupRules({ every: 300_000, keep: 3_600_000 }).everyMs).toBe(3_600_000);
  expect(fullBackupRules({ every: 2 * DAY_MS, keep: 7 * DAY_MS }).everyMs).toBe(2 * DAY_MS);
});
