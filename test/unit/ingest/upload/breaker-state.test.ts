import { expect, test } from 'vitest';
import { createAccused } from '../../../../src/ingest/upload/accused.ts';
import type { FaultCode } from '../../../../src/domain/faults.ts';
import {
  BREAKER_TIMES,
  SERVING,
  afterFailure,
  afterIdleLook,
  afterLook,
  afterProbe,
  afterSuccess,
  probeDelayMs,
  type Evidence,
  type BreakerState,
} from '../../../../src/ingest/upload/breaker-state.ts';

const AT = { now: 5000, nowMs: 100, random: 1 };
const failure = (code: FaultCode, evidence: Evidence, recording = '/a.wav') => ({
  recording,
  code,
  message: 'why',
  evidence,
});
const fail = (state: BreakerState, code: FaultCode, evidence: Evidence, recording?: string) =>
  afterFailure(state, failure(code, evidence, recording), AT, BREAKER_TIMES);
const AWAY = fail(SERVING, 'STORE_UNREACHABLE', 'away').state;
const TRYING = afterProbe(
  AWAY,
  { kind: 'unsure', code: 'STORE_CREDENTIALS', message: 'no' },
  AT,
  BREAKER_TIMES,
);

test('P7: a fault of the store closes the breaker at once, and the next probe is due in a second', () => {
  expect(fail(SERVING, 'STORE_UNREACHABLE', 'away')).toEqual({
    whose: 'probe',
    state: {
      kind: 'away',
      probeAtMs: 1100,
      outage: { code: 'STORE_UNREACHABLE', message: 'why', since: 5000, probes: 1, bySuspects: false },
    },
  });
});

test('P7: what was in flight when the store went away costs nothing and changes nothing', () => {
  for (const [code, evidence] of [
    ['STORE_UNREACHABLE', 'away'],
    ['CONNECTION_LOST', 'suspicious'],
  ] as const)
    expect(fail(AWAY, code, evidence)).toEqual({ whose: 'store', state: AWAY });
});

test.each<[FaultCode]>([
  ['OBJECT_REJECTED'],
  ['KEY_TAKEN'],
  ['HASH_REFUSED'],
  ['CONNECTION_LOST'],
  ['STORE_ERROR'],
])('P7: a recording that ends in %s while the store answers for others proves that it serves', (code) => {
  for (const state of [AWAY, TRYING])
    expect(fail(state, code, 'serves')).toMatchObject({ whose: 'recording', state: { kind: 'serving' } });
});

test('what is wrong with one recording before it is sent is its own, and says nothing of the store', () => {
  for (const state of [SERVING, AWAY, TRYING])
    expect(fail(state, 'RECORDING_CHANGED', 'none')).toEqual({ whose: 'recording', state });
});

test('P7: errors of eight different recordings in a row close it, though each question is answered; only a whole write ends it', () => {
  const names = ['/1', '/2', '/3', '/4', '/5', '/6', '/7', '/8'];
  const states = names.reduce<BreakerState[]>(
    (seen, name) => [...seen, fail(seen.at(-1) ?? SERVING, 'STORE_ERROR', 'serves', name).state],
    [],
  );
  expect(states.map(({ kind }) => kind)).toEqual([...names.slice(1).map(() => 'serving'), 'away']);
  expect(states.at(-1)).toMatchObject({ outage: { code: 'STORE_FAILING', bySuspects: true } });
  expect(fail(states.at(-1)!, 'STORE_ERROR', 'serves', '/9')).toMatchObject({ whose: 'store' });
  expect(names.reduce((state) => fail(state, 'STORE_ERROR', 'serves', '/1').state, SERVING).kind).toBe(
    'serving',
  );
});

test('a success forgets the suspects and how often the store was away', () => {
  expect(fail(SERVING, 'CONNECTION_LOST', 'suspicious').state).toMatchObject({
    suspects: new Set(['/a.wav']),
  });
  expect(afterSuccess()).toEqual(SERVING);
});

test('a probe that the store takes opens the breaker; the next outage’s first probe comes later unless something got through', () => {
  const open = afterProbe(AWAY, { kind: 'serves' }, AT, BREAKER_TIMES);
  expect(open).toEqual({ kind: 'serving', suspects: new Set(), probes: 1, sinceMs: 100 });
  expect(fail(open, 'STORE_FAILING', 'away').state).toMatchObject({ probeAtMs: 2100, outage: { probes: 2 } });
});

test('an outage a minute or more after the last one is a new one, in a process that uploaded nothing in between too', () => {
  const told = afterLook(AWAY, undefined, AT, BREAKER_TIMES);
  const later = { ...AT, nowMs: AT.nowMs + 60_000 };
  expect(afterFailure(told, failure('STORE_FAILING', 'away'), later, BREAKER_TIMES).state).toMatchObject({
    outage: { probes: 1 },
  });
});

test('a probe that is refused for what may be its own key lets one recording through, whose refusal closes the breaker again', () => {
  expect(TRYING).toMatchObject({ kind: 'trying', sinceMs: 100, outage: { probes: 2, since: 5000 } });
  expect(fail(TRYING, 'STORE_CREDENTIALS', 'away')).toMatchObject({
    whose: 'probe',
    state: { kind: 'away', outage: { probes: 3, since: 5000 } },
  });
});

test('with nothing to try, a refused probe alone keeps the breaker closed for five seconds only', () => {
  expect(afterIdleLook(TRYING, { ...AT, nowMs: 5099 }, BREAKER_TIMES)).toBe(TRYING);
  expect(afterIdleLook(TRYING, { ...AT, nowMs: 5100 }, BREAKER_TIMES).kind).toBe('serving');
  expect(afterIdleLook(AWAY, { ...AT, nowMs: 9e9 }, BREAKER_TIMES)).toBe(AWAY);
});

test('what another process found is gone by, whatever its clock says', () => {
  if (AWAY.kind !== 'away') throw new Error('the breaker should be closed');
  const { outage } = AWAY;
  const due = [-3_600_000, 500, 3_600_000].map((probeInMs) =>
    afterLook(SERVING, { outage, probeInMs }, AT, BREAKER_TIMES),
  );
  expect(due).toMatchObject([{ probeAtMs: 100 }, { probeAtMs: 600 }, { probeAtMs: 60_100 }]);
  expect(afterLook(AWAY, undefined, AT, BREAKER_TIMES).kind).toBe('serving');
});

test('probes come after 1 s, 2 s, 4 s … 60 s, with up to a quarter less', () => {
  expect([1, 2, 3, 6, 7, 99].map((probes) => probeDelayMs(probes, 1))).toEqual([
    1000, 2000, 4000, 32_000, 60_000, 60_000,
  ]);
  expect(probeDelayMs(1, 0)).toBe(750);
});

test('a recording on whose account the store was away three times, others getting through in between, is refused itself', () => {
  const accused = createAccused();
  const verdicts = Array.from({ length: 4 }, () => {
    const isOwn = accused.accuse('/bad');
    accused.succeeded('/good');
    return isOwn;
  });
  expect(verdicts).toEqual([false, false, false, true]);
  expect(Array.from({ length: 9 }, () => accused.accuse('/waiting'))).toEqual(Array(9).fill(false)); // one outage
  accused.succeeded('/bad');
  expect(accused.accuse('/bad')).toBe(false);
});
