import { expect, test } from 'vitest';
import { WavspoolError } from '../../../../src/domain/faults.ts';
import { circuitBreaker, type BreakerDeps } from '../../../../src/ingest/upload/circuit-breaker.ts';

/** A breaker whose clock stands still and which is never told anything. */
function makeBreaker(): ReturnType<typeof circuitBreaker> {
  const never = new Promise<never>(() => undefined);
  const deps: BreakerDeps = {
    worker: () => ({ active: () => 0, hold: () => Promise.resolve(), release: () => undefined }),
    concurrency: 8,
    shared: {
      store: () => never,
      noteReached: () => never,
      setOutage: () => never,
      clearOutage: () => never,
      mayProbe: () => never,
    },
    ask: () => never,
    clock: { now: () => 0, monotonicMs: () => 0, sleep: () => never },
    random: () => 0,
    report: () => undefined,
    who: 'p1',
  };
  return circuitBreaker(deps);
}

const throttled = { error: new WavspoolError('STORE_THROTTLED', '503 SlowDown'), evidence: 'away' } as const;

test('a recording that has the store called away is told when it is asked again, and is tried behind the others until it got through', () => {
  const breaker = makeBreaker();
  expect(breaker.failed(throttled, 'a.wav')).toMatchObject({ whose: 'probe', probeInMs: 750 });
  expect(breaker.failed(throttled, 'b.wav')).toMatchObject({ whose: 'store' });
  expect(['a.wav', 'b.wav'].filter((one) => breaker.isAccused(one))).toEqual(['a.wav']);
  breaker.succeeded('a.wav');
  expect(breaker.isAccused('a.wav')).toBe(false);
});

test('a store that asks for less is no recording’s own fault, however often one recording meets it', () => {
  const breaker = makeBreaker();
  for (let time = 0; time < 10; time += 1) {
    expect(breaker.failed(throttled, 'a.wav').whose).toBe('probe');
    breaker.succeeded('b.wav');
  }
});
