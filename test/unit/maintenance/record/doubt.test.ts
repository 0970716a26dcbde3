import { describe, expect, test } from 'vitest';
import {
  doubtOf,
  parseRecord,
  timedName,
  type CopyRecord,
} from '../../../../src/maintenance/record/index.ts';
import { recordText } from '../../../../src/maintenance/record/record.ts';

const DAY_MS = 86_400_000;
const sunday = { weekday: 'sunday' } as const;
const FIRST = Date.parse('2026-11-01T02:00:05Z');

/** The copy of the n-th day. */
function record(day: number, changes: Partial<CopyRecord> = {}): CopyRecord {
  const at = FIRST + day * DAY_MS;
  return {
    kind: 'snapshot',
    origin: 'here',
    source: { name: 'shop', path: '/srv/shop.db' },
    schedule: 'daily',
    file: `shop-${day}.db`,
    at,
    count: day + 1,
    bytes: 4096,
    sha256: 'a'.repeat(64),
    amounts: { orders: 90, customers: 10 },
    ...changes,
  };
}

/** The host was started with the first copy. */
function up(day: number): Pick<CopyRecord, 'uptime'> {
  return { uptime: { bootId: 'one', uptimeMs: day * DAY_MS } };
}

const week = [0, 1, 2, 3, 4, 5, 6].map((day) => record(day));
const doubt = (made: CopyRecord, earlier = week, keep = { days: 7, ...sunday }) =>
  doubtOf(made, earlier, keep, 'UTC');

describe('what a copy holds', () => {
  test.each<[string, Partial<CopyRecord>, RegExp | undefined]>([
    ['as before', {}, undefined],
    ['more', { amounts: { orders: 900, customers: 10 } }, undefined],
    ['a little less', { amounts: { orders: 60, customers: 5 } }, undefined],
    ['one more table', { amounts: { orders: 90, customers: 10, new: 0 } }, undefined],
    ['nothing', { amounts: {} }, /holds no rows, and shop-6.db holds 100/],
    ['empty tables', { amounts: { orders: 0, customers: 0 } }, /holds no rows/],
    ['less than half', { amounts: { orders: 40, customers: 9 } }, /holds 49 rows/],
    ['other tables', { amounts: { elsewhere: 5000 } }, /2 of the 2 tables .* another database/],
  ])('%s', (_, changes, said) => {
    const found = doubt(record(7, changes));
    if (said === undefined) expect(found).toBeUndefined();
    else expect(found).toMatchObject({ about: 'content', said: expect.stringMatching(said) });
  });

  test('the first of all is in no doubt, and one in doubt is no measure for the next', () => {
    expect(doubt(record(0, { amounts: {} }), [])).toBeUndefined();
    const emptied = record(7, { amounts: {}, doubt: { about: 'content', said: 'it is empty' } });
    expect(doubt(record(8, { amounts: {} }), [...week, emptied])).toBeDefined();
    expect(doubt(record(8), [...week, emptied])).toBeUndefined();
    expect(doubt(record(8, { amounts: {} }), [...week, { ...emptied, confirmedAt: 1 }])).toBeUndefined();
  });
});

describe('when a copy was made', () => {
  test('a clock that went back', () => {
    expect(doubt(record(3, { count: 8 }))).toMatchObject({ about: 'clock' });
    expect(doubt(record(7, { at: FIRST + 6 * DAY_MS - 60_000 }))).toBeUndefined(); // it is being steered
  });

  test('a clock that jumped ahead, where retention would let copies go for it', () => {
    expect(doubt(record(40))).toMatchObject({ about: 'clock', said: expect.stringContaining('34 days') });
    expect(doubt(record(3650))).toMatchObject({ about: 'clock' });
    expect(doubt(record(40), week, { last: 7, ...sunday } as never)).toBeUndefined();
    expect(doubtOf(record(40), week, undefined, 'UTC')).toBeUndefined();
    expect(doubt(record(9))).toBeUndefined(); // some runs were missed
    expect(doubt(record(3650), week.slice(0, 1))).toMatchObject({ about: 'clock' }); // the only good copy
    expect(doubt(record(3650), week.slice(0, 1), { last: 1 } as never)).toBeUndefined();
    const seldom = [record(0), record(31), record(59)]; // after events, once a month
    expect(doubt(record(90), seldom, { days: 90, ...sunday })).toBeUndefined(); // the first has had its time
    expect(doubt(record(3650), seldom, { days: 90, ...sunday })).toMatchObject({ about: 'clock' });
    expect(doubt(record(3650), seldom.slice(0, 2), { days: 90, ...sunday })).toMatchObject({
      about: 'clock',
    });
  });

  test('a step that the time since the start of the host bears out is in no doubt', () => {
    const all = week.map((one, day) => ({ ...one, ...up(day) }));
    expect(doubt(record(40, up(40)), all)).toBeUndefined();
    expect(doubt(record(40, up(7)), all)).toMatchObject({ about: 'clock' });
    expect(doubt(record(40, { uptime: { bootId: 'two', uptimeMs: 0 } }), all)).toMatchObject({
      about: 'clock',
    });
  });
});

describe('what is stored', () => {
  test('a record comes back as it was', () => {
    const full = record(1, {
      uptime: { bootId: 'b', uptimeMs: 5 },
      label: 'v2 "blue" ünï',
      doubt: { about: 'content', said: 'it is empty' },
      confirmedAt: FIRST,
      adoptedAt: FIRST,
      journalMode: 'wal',
      unchecked: ['keyed: no such collation sequence: de'],
    });
    expect(parseRecord(recordText(full))).toEqual(full);
    expect(parseRecord(recordText(record(1)))).toEqual(record(1));
  });

  test.each(['', '{', '[]', 'null', '{"v":1}', recordText(record(1)).replace('shop-1.db', '../shop.db')])(
    'what is no record says nothing: %s',
    (text) => {
      expect(parseRecord(text)).toBeUndefined();
    },
  );
});

test.each([
  ['users_2026-11-28.db', 'users_2026-11-28_010005.db'],
  ['portfolio-2026-11-28.sqlite.gz', 'portfolio-2026-11-28_010005.sqlite.gz'],
  ['state.db.backup_20261128', 'state.db.backup_20261128_010005'],
  ['social-tables-2026-11-28.sql.zst', 'social-tables-2026-11-28_010005.sql.zst'],
  ['2026-11-28', '2026-11-28_010005'],
])('the older of two copies called %s is %s', async (name, timed) => {
  const at = Date.parse('2026-11-28T01:00:05Z');
  expect(await timedName(name, at, 'UTC', () => Promise.resolve(false))).toBe(timed);
  const taken = [timed];
  const next = await timedName(name, at, 'UTC', (one) => Promise.resolve(taken.includes(one)));
  expect(next).toContain('_010005-2');
});
