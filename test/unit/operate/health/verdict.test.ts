import { expect, test } from 'vitest';
import { isWell, stallOfRole, verdict } from '../../../../src/operate/health/index.ts';
import type { Heartbeat } from '../../../../src/platform/queue/index.ts';
import type { Facts } from '../../../../src/operate/health/index.ts';
import { HOUR, NOW, ROOM, beat, facts, type Changes } from './facts.ts';

function aliveAfterWaiting(ms: number): boolean {
  const stuck = facts({ upload: { waiting: 1, oldestWaitingMs: ms }, roles: [beat('upload', ms)] });
  return verdict(stuck, NOW).alive;
}

const away = {
  available: false,
  cause: 'network',
  message: 'connection refused',
  since: '2026-11-19T00:00:00Z',
};
const WITH_A_GAP = {
  mode: 'pages',
  from: null,
  to: null,
  lagSeconds: 0,
  points: 3,
  bytes: 1,
  gaps: 1,
  damaged: [],
  offsite: null,
} as const;
const stuck = { waiting: 5, oldestWaitingMs: HOUR };

test.each<[string, Changes, string, RegExp | undefined]>([
  ['a site without work is healthy', {}, 'ok', undefined],
  [
    'work without a role is stalled',
    { upload: stuck },
    'stalled',
    /upload role has not been heard of for 30 s/,
  ],
  ['active work whose role is gone is stalled', { upload: { active: 2 } }, 'stalled', /2 upload jobs/],
  [
    'work that no role takes is stalled',
    { upload: stuck, roles: [beat('upload', HOUR)] },
    'stalled',
    /none has run for 3600 s/,
  ],
  [
    'a role that never finished anything is stalled',
    { upload: stuck, roles: [beat('upload', null)] },
    'stalled',
    /none has run/,
  ],
  [
    'a role that has just started is not',
    { upload: stuck, roles: [beat('upload', null, 5000)] },
    'ok',
    undefined,
  ],
  [
    'the first work after a quiet night is not',
    { upload: { waiting: 1, oldestWaitingMs: 50 }, roles: [beat('upload', 9 * HOUR)] },
    'ok',
    undefined,
  ],
  [
    'one of two roles that works is enough',
    { upload: stuck, roles: [beat('upload', HOUR), beat('upload', 10)] },
    'ok',
    undefined,
  ],
  [
    'a long tar is not a stall',
    {
      extract: { waiting: 5, active: 2, oldestWaitingMs: HOUR, oldestActiveMs: HOUR / 2 },
      roles: [beat('extract', HOUR / 2)],
    },
    'ok',
    undefined,
  ],
  [
    'uploads that never end are',
    { upload: { active: 64, oldestActiveMs: HOUR }, roles: [beat('upload', HOUR)] },
    'stalled',
    /64 upload jobs run, and none has finished for 3600 s/,
  ],
  [
    'the first upload after a quiet night is not',
    { upload: { active: 1, oldestActiveMs: 50 }, roles: [beat('upload', 9 * HOUR)] },
    'ok',
    undefined,
  ],
  [
    'paused work waits on purpose',
    { extract: { ...stuck, paused: true, reason: 'disk swap' } },
    'attention',
    /extract queue is paused: disk swap/,
  ],
  [
    'a job that keeps the host and failed is told',
    {
      schedules: [
        {
          job: 'snapshot shop daily',
          next: '2026-11-21T02:00:00Z',
          dueAt: null,
          overdue: false,
          last: { at: '2026-11-20T02:00:00Z', by: 'schedule', outcome: 'failed', reason: 'the disk is full' },
          lastGood: null,
        },
      ],
    },
    'attention',
    /snapshot shop daily failed: the disk is full/,
  ],
  [
    'so are points in time that are not offsite for hours',
    {
      pointInTime: {
        shop: {
          mode: 'wal',
          from: '2026-09-01T00:00:00.000Z',
          to: '2026-09-01T03:00:00.000Z',
          lagSeconds: 0,
          points: 3,
          bytes: 1,
          gaps: 0,
          damaged: [],
          offsite: { where: null, from: null, to: null, lagSeconds: 7200, points: 0, bytes: 0, gaps: 0 },
        },
      },
    },
    'attention',
    /recovery of shop is 120 minutes behind offsite; nothing is there yet/,
  ],
  [
    'so are points in time that cannot be brought back',
    {
      pointInTime: { shop: WITH_A_GAP },
    },
    'attention',
    /recovery of shop has 1 gaps/,
  ],
  [
    'P7: uploads wait on purpose while the store is away',
    { upload: stuck, store: away, roles: [beat('upload', HOUR)] },
    'attention',
    /connection refused/,
  ],
  [
    'an absent store does not excuse extraction',
    { extract: stuck, store: away, roles: [beat('extract', HOUR)] },
    'stalled',
    /extract jobs wait/,
  ],
])('%s', (_, changes, state, reason) => {
  const { alive, attention } = verdict(facts(changes), NOW);
  const told = attention.length > 0 ? 'attention' : 'ok';
  expect(alive ? told : 'stalled').toBe(state);
  if (reason === undefined) expect(attention).toEqual([]);
  else expect(attention.map(({ what }) => what).join('\n')).toMatch(reason);
});

test('work that no role takes is stalled after 120 s, and the problem says since when', () => {
  expect([aliveAfterWaiting(120_000), aliveAfterWaiting(120_001)]).toEqual([true, false]);
  const stalled = facts({ upload: stuck, roles: [beat('upload', HOUR)] });
  expect(verdict(stalled, NOW).attention[0]?.since).toBe(new Date(NOW - HOUR).toISOString());
});

const recordings = {
  PENDING: 7,
  SUCCESS: 1,
  FAILED: 3601,
  givenUp: 3601,
  givenUpSince: '2026-11-19T10:00:00Z',
  pendingBytes: 70,
};
const never: Facts['schedules'][number] = {
  job: 'snapshot shop daily',
  next: '2026-11-21T02:00:00Z',
  dueAt: null,
  overdue: false,
  last: null,
  lastGood: null,
};
const held = (what: string, cause: string, message: string, since: number): Heartbeat => ({
  ...beat('extract', 10),
  held: { what, cause, message, since },
});

test.each<[string, Changes, string, string | null]>([
  [
    'recordings that were given up, since the first of them',
    { recordings, causes: [{ cause: 'rejected', recordings: 3601 }] },
    'recordings-given-up',
    '2026-11-19T10:00:00Z',
  ],
  [
    'tars that were given up',
    { tars: { extracted: 0, failed: 2, givenUp: 1, givenUpSince: '2026-11-19T10:00:00Z' } },
    'tars-given-up',
    '2026-11-19T10:00:00Z',
  ],
  [
    'extraction held by the disk, since the first process was',
    {
      roles: [
        held('extraction', 'disk', 'the disk has 1 MiB left', NOW - 5000),
        held('extraction', 'disk', 'the disk has 2 MiB left', NOW - 9000),
      ],
    },
    'held:extraction:disk',
    new Date(NOW - 9000).toISOString(),
  ],
  [
    'extraction held by the backlog',
    { roles: [held('extraction', 'backlog', '200001 recordings wait', NOW)] },
    'held:extraction:backlog',
    new Date(NOW).toISOString(),
  ],
  [
    'a backlog that extraction waits for, by its rows alone',
    { recordings: { ...recordings, PENDING: 200_001, FAILED: 0, givenUp: 0 } },
    'held:extraction:backlog',
    null,
  ],
  [
    'a disk with less than is to stay free, told once for all directories on it',
    { disk: { incoming: { ...ROOM, freeBytes: 5 }, extracted: { ...ROOM, freeBytes: 5 }, state: ROOM } },
    'disk-low:/data',
    null,
  ],
  [
    'a disk without inodes',
    { disk: { incoming: ROOM, extracted: { ...ROOM, freeInodes: 0 }, state: ROOM } },
    'disk-low:/data',
    null,
  ],
  [
    'a directory that does not exist',
    { disk: { incoming: null, extracted: ROOM, state: ROOM } },
    'directory-missing:incoming',
    null,
  ],
  [
    'a run that is overdue, since it was due',
    { schedules: [{ ...never, dueAt: '2026-11-19T02:00:00Z', overdue: true }] },
    'overdue:snapshot shop daily',
    '2026-11-19T02:00:00Z',
  ],
  [
    'a store that never answered, although no role has called it unavailable',
    { store: { available: true, reached: false } },
    'store-never-reached',
    null,
  ],
  ['a store that is away', { store: away }, 'store-away', '2026-11-19T00:00:00Z'],
  ['a role that should run and does not', { needs: ['maintain'] }, 'role-missing:maintain', null],
  [
    'what landed and is not taken',
    { landing: { unreadable: { count: 2, bytes: 10, oldestSeconds: 60, needsAttention: true } } },
    'landing:unreadable',
    new Date(NOW - 60_000).toISOString(),
  ],
])('needs attention: %s', (_, changes, id, since) => {
  const site = verdict(facts(changes), NOW);
  expect(site.attention.map(({ id, since }) => [id, since])).toEqual([[id, since]]);
  expect([site.alive, isWell(site)]).toEqual([true, false]);
});

test.each([
  [1, [{ cause: 'refused', recordings: 1 }], '1 recording failed and is not tried again (cause: refused).'],
  [
    3,
    [
      { cause: 'network', recordings: 2 },
      { cause: 'changed', recordings: 1 },
    ],
    '3 recordings failed and are not tried again (most often: network).',
  ],
])('%i given up: the only cause is told as such, of several the first', (givenUp, causes, what) => {
  const site = verdict(facts({ recordings: { ...recordings, givenUp }, causes }), NOW);
  expect(site.attention).toMatchObject([{ id: 'recordings-given-up', what }]);
});

test('a file system that counts no inodes has not run out of them', () => {
  const btrfs = { ...ROOM, freeInodes: 0, totalInodes: 0 };
  const site = verdict(facts({ disk: { incoming: btrfs, extracted: btrfs, state: btrfs } }), NOW);
  expect(isWell(site)).toBe(true);
});

test('a directory of copies that is not there yet, or has little room, is no problem of the recordings', () => {
  const copies = { '/copies': null, '/more': { ...ROOM, freeBytes: 1 } };
  const site = verdict(facts({ disk: { incoming: ROOM, extracted: ROOM, state: ROOM, ...copies } }), NOW);
  expect(isWell(site)).toBe(true);
});

test('what waits is told with its reason and its count, and is no problem while it goes on by itself', () => {
  const site = verdict(
    facts({
      recordings: { ...recordings, givenUp: 0 },
      landing: { waiting: { count: 3, bytes: 10, oldestSeconds: 2, needsAttention: false } },
    }),
    NOW,
  );
  expect(site.held).toEqual([
    {
      what: 'landing',
      cause: 'waiting',
      reason: 'for the quiet period, for its turn, or for its final name',
      since: new Date(NOW - 2000).toISOString(),
      count: 3,
    },
    { what: 'upload', cause: 'retry', reason: 'failed, retries automatically', since: null, count: 3601 },
  ]);
  expect(isWell(site)).toBe(true);
});

test('P7: what waits for storage is told as held, once, whichever role tells it', () => {
  const site = verdict(
    facts({
      recordings: { ...recordings, FAILED: 0, givenUp: 0 },
      store: away,
      roles: [held('upload', 'network', 'connection refused', NOW)],
    }),
    NOW,
  );
  expect(site.held.map(({ what, cause, count }) => [what, cause, count])).toEqual([['upload', 'storage', 7]]);
  expect(site.attention.map(({ id }) => id)).toEqual(['store-away']);
});

test('every problem says what it affects, its remedy and a command that there is', () => {
  const all = verdict(
    facts({
      extract: { paused: true },
      upload: stuck,
      recordings,
      tars: { extracted: 0, failed: 1, givenUp: 1, givenUpSince: null },
      disk: { incoming: null, extracted: { ...ROOM, freeBytes: 1 }, state: ROOM },
      needs: ['watch', 'extract', 'upload', 'maintain'],
      roles: [held('extraction', 'disk', 'full', NOW)],
      schedules: [
        { ...never, overdue: true },
        { ...never, job: 'rotate /log', last: { at: '', by: '', outcome: 'failed' } },
      ],
      pointInTime: { shop: WITH_A_GAP },
      landing: { 'no pattern': { count: 1, bytes: 1, oldestSeconds: 1, needsAttention: true } },
    }),
    NOW,
  );
  expect(new Set(all.attention.map(({ id }) => id)).size).toBe(all.attention.length);
  for (const { what, effect, remedy, command } of all.attention) {
    for (const sentence of [what, effect, remedy]) expect(sentence).toMatch(/^\S.*[^.]\.$/);
    expect(command ?? 'wavspool ').toMatch(/^wavspool /);
  }
});

test('a role is judged by its own queue alone', () => {
  const site = facts({
    upload: stuck,
    extract: { paused: true },
    roles: [beat('extract', 10), beat('watch', null), beat('upload', HOUR)],
  });
  const stallOf = (role: string): string | undefined => stallOfRole(site, role, NOW)?.id;
  expect(['watch', 'extract', 'upload', 'maintain'].map(stallOf)).toEqual([
    undefined,
    undefined,
    'stalled:upload',
    'role-missing:maintain',
  ]);
});

test('P11: a ledger that is away is one problem, though the roles wait for it', () => {
  const stateTrouble = {
    code: 'LEDGER_AWAY',
    message: 'the ledger postgres://pg1 is away',
    since: NOW - 5000,
  } as const;
  const message = 'the ledger postgres://pg1 cannot be used';
  const roles = [
    { ...held('extraction', 'state', message, NOW), stateTrouble },
    { ...held('upload', 'host', message, NOW), stateTrouble },
    held('extraction', 'disk', 'the disk has 1 MiB left', NOW),
  ];
  const { attention } = verdict(facts({ roles }), NOW);
  expect(attention.map(({ id }) => id)).toEqual(['state-unusable', 'held:extraction:disk']);
});
