import { expect, test } from 'vitest';
import { stallOfRole, verdict } from '../../../../src/operate/health/index.ts';
import { HOUR, NOW, ROOM, beat, facts, queue, type Changes } from './facts.ts';

const KEEPS_A_HOST: Changes = {
  uses: { recordings: false, store: false, redis: false },
  redis: null,
  store: null,
  disk: { state: ROOM },
  needs: ['maintain'],
};

function ids(changes: Changes): readonly string[] {
  return verdict({ ...facts(changes), queues: { maintenance: queue() } }, NOW).attention.map(({ id }) => id);
}

test('a host that only keeps databases misses nothing but its maintain role', () => {
  expect(ids({ ...KEEPS_A_HOST, roles: [beat('maintain', null)] })).toEqual([]);
  expect(ids(KEEPS_A_HOST)).toEqual(['role-missing:maintain']);
});

test('what belongs to recordings on a host whose settings take none is told of', () => {
  const here = { ...KEEPS_A_HOST, roles: [beat('maintain', null)] };
  expect(ids({ ...here, disk: { state: ROOM, incoming: ROOM } })).toEqual(['recordings-unattended']);
  const rows = { PENDING: 2, SUCCESS: 9, FAILED: 1, givenUp: 1, givenUpSince: null, pendingBytes: 5 };
  expect(ids({ ...here, recordings: rows })).toEqual(['recordings-unattended', 'recordings-given-up']);
  expect(ids({ ...here, recordings: { ...rows, PENDING: 0, FAILED: 0, givenUp: 0 } })).toEqual([]);
});

test('while Redis is away that is the problem, and no role is called missing for it', () => {
  const away = { available: false, code: 'REDIS_UNREACHABLE', message: 'no answer' } as const;
  const found = { ...facts({ redis: away, store: null, needs: ['watch', 'maintain'] }), queues: {} };
  const { alive, attention } = verdict(found, NOW);
  expect(alive).toBe(false);
  expect(attention.map(({ id }) => id)).toEqual(['redis-away']);
  expect(attention[0]?.what).toBe('Redis is unreachable: no answer.');
  expect(stallOfRole(found, 'maintain', NOW)?.id).toBe('redis-away');
});

test('jobs that timers bring stall as those of a queue do', () => {
  const here = { ...facts({ ...KEEPS_A_HOST, roles: [beat('maintain', HOUR)] }) };
  const waiting = { maintenance: queue({ waiting: 1, oldestWaitingMs: HOUR }) };
  expect(verdict({ ...here, queues: waiting }, NOW).attention.map(({ id }) => id)).toEqual([
    'stalled:maintenance',
  ]);
  const paused = {
    maintenance: queue({ waiting: 1, oldestWaitingMs: HOUR, paused: true, reason: 'a move' }),
  };
  const { alive, attention } = verdict({ ...here, queues: paused }, NOW);
  expect(alive).toBe(true);
  expect(attention).toEqual([
    expect.objectContaining({ id: 'paused:maintenance', command: 'wavspool resume maintenance' }),
  ]);
});
