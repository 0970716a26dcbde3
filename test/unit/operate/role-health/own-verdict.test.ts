import { expect, test } from 'vitest';
import { ownVerdict, type OwnFacts } from '../../../../src/operate/role-health/index.ts';

const NOW = Date.parse('2026-11-28T12:00:00Z');
const MINUTE_MS = 60_000;
const WELL: OwnFacts = { startedAt: NOW - 60 * MINUTE_MS, running: true };

test('a role that gets on is alive and needs no operator', () => {
  expect(ownVerdict('upload', WELL, NOW)).toEqual({ alive: true, attention: [], held: [] });
});

test('P11: work that does not get on although it should is not alive: a restart may help', () => {
  const since = NOW - 5 * MINUTE_MS;
  const stall = { what: '3 jobs wait, and none was taken for 300 s', since };

  const verdict = ownVerdict('upload', { ...WELL, stall }, NOW);

  expect(verdict.alive).toBe(false);
  expect(verdict.attention).toMatchObject([
    { id: 'stalled:upload', since: '2026-11-28T11:55:00.000Z', what: `${stall.what}.` },
  ]);
});

test.each<[string, Partial<OwnFacts>, string]>([
  ['Redis is away', { redisAwaySince: NOW - MINUTE_MS }, 'redis-away'],
  [
    'state.db cannot be written',
    { stateTrouble: { code: 'DISK_FULL', message: 'no space left', since: NOW - MINUTE_MS } },
    'state-unusable',
  ],
  [
    'state.db is damaged',
    { stateTrouble: { code: 'STATE_DAMAGED', message: 'malformed', since: NOW - MINUTE_MS } },
    'state-damaged',
  ],
  ['the start waits for something', { running: false }, 'starting:upload'],
])('P11: %s: it needs attention and is alive, for a restart mends nothing', (_, facts, id) => {
  const { alive, attention } = ownVerdict('upload', { ...WELL, ...facts }, NOW);

  expect(alive).toBe(true);
  expect(attention.map((problem) => problem.id)).toEqual([id]);
});

test('a stall that was seen before Redis went away is not judged while it is away', () => {
  const stall = { what: 'nobody takes a job', since: NOW - MINUTE_MS };

  expect(ownVerdict('upload', { ...WELL, stall, redisAwaySince: NOW - 30_000 }, NOW).alive).toBe(true);
});

test('what a role holds back is told with its cause and since when', () => {
  const held = { what: 'extraction', cause: 'disk', message: '2 MB left', since: NOW - MINUTE_MS };

  expect(ownVerdict('extract', { ...WELL, held }, NOW)).toEqual({
    alive: true,
    attention: [],
    held: [
      {
        what: 'extraction',
        cause: 'disk',
        reason: '2 MB left',
        since: '2026-11-28T11:59:00.000Z',
        count: null,
      },
    ],
  });
});

test('a start of a few seconds needs no operator', () => {
  const starting = { startedAt: NOW - 5000, running: false };

  expect(ownVerdict('watch', starting, NOW)).toEqual({ alive: true, attention: [], held: [] });
});
