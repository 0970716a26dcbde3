import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { LOOK_AGAIN_MS, readiness, type Facts } from '../../../../src/ingest/arrival/readiness.ts';

const complete = { kind: 'complete', members: 3, bytes: 30 } as const;
const incomplete = { kind: 'incomplete', reason: 'ends at byte 512' } as const;
const half = { ...incomplete, ending: 'one zero block' } as const;
const doubt = { reason: 'ends in zeros', isUsual: false } as const;
const doubtful = { ...complete, doubt } as const;
const silent = { ...complete, doubt: { reason: 'ends in zeros', isUsual: true } } as const;
const unproved = { kind: 'unproved', reason: 'it took longer than 60 s' } as const;
const corrupt = { kind: 'corrupt', reason: 'bad checksum' } as const;

const facts = (changed: Partial<Facts> = {}): Facts => ({
  unchangedMs: 5000,
  quietMs: 5000,
  doneMarker: 'not needed',
  proof: undefined,
  incompleteAfterMs: 3_600_000,
  ...changed,
});

describe('a tar', () => {
  test.each<[string, Partial<Facts>, unknown]>([
    [
      'waits for the rest of its quiet period',
      { unchangedMs: 1200 },
      { kind: 'wait', forMs: 3800, reason: 'still changing' },
    ],
    [
      'waits for the quiet period even when it was proven',
      { unchangedMs: 0, proof: complete },
      { kind: 'wait', forMs: 5000, reason: 'still changing' },
    ],
    [
      'waits for its done marker',
      { doneMarker: 'missing' },
      { kind: 'wait', forMs: LOOK_AGAIN_MS, reason: 'its done marker is not there', marker: 'missing' },
    ],
    [
      'waits for its done marker however long it is quiet',
      { doneMarker: 'missing', proof: incomplete, unchangedMs: 1e9 },
      { kind: 'wait', forMs: LOOK_AGAIN_MS, reason: 'its done marker is not there', marker: 'missing' },
    ],
    ['is proven when it is quiet', {}, { kind: 'prove' }],
    ['is proven when its marker is there', { doneMarker: 'present' }, { kind: 'prove' }],
    ['is proven at once without a quiet period', { quietMs: 0, unchangedMs: 0 }, { kind: 'prove' }],
    ['is ready when it is complete', { proof: complete }, { kind: 'ready' }],
    [
      'whose end may still be filled is waited for',
      { proof: doubtful },
      { kind: 'doubtful', forMs: LOOK_AGAIN_MS, doubt },
    ],
    [
      'that is damaged where it may still be filled is waited for',
      { proof: { ...corrupt, doubt } },
      { kind: 'doubtful', forMs: LOOK_AGAIN_MS, doubt },
    ],
    [
      'whose end may still be filled is ready when its time is up',
      { proof: doubtful, unchangedMs: 3_600_000 },
      { kind: 'ready' },
    ],
    [
      'whose end may still be filled is ready when its client says so',
      { proof: doubtful, doneMarker: 'present' },
      { kind: 'ready' },
    ],
    [
      'that ends in what may be silence is waited for',
      { proof: silent, unchangedMs: 149_000 },
      { kind: 'doubtful', forMs: 1000, doubt: silent.doubt },
    ],
    [
      'that ends in what may be silence is ready after some quiet periods',
      { proof: silent, unchangedMs: 150_000 },
      { kind: 'ready' },
    ],
    ['that takes too long to prove is ready', { proof: unproved }, { kind: 'ready' }],
    ['is ready to fail when it is corrupt', { proof: corrupt }, { kind: 'ready' }],
    [
      'that ends early is looked at again',
      { proof: incomplete },
      { kind: 'incomplete', forMs: LOOK_AGAIN_MS, reason: 'ends at byte 512' },
    ],
    [
      'that ends early is looked at when its time is up',
      { proof: incomplete, unchangedMs: 3_599_000 },
      { kind: 'incomplete', forMs: 1000, reason: 'ends at byte 512' },
    ],
    [
      'that ends early is given up when its time is up',
      { proof: incomplete, unchangedMs: 3_600_000 },
      { kind: 'give up', reason: 'ends at byte 512' },
    ],
    [
      'that ends in half an end marker is waited for a little',
      { proof: half, unchangedMs: 9999 },
      { kind: 'incomplete', forMs: LOOK_AGAIN_MS, reason: 'ends at byte 512' },
    ],
    [
      'that ends in half an end marker is taken then',
      { proof: half, unchangedMs: 10_000 },
      { kind: 'ready' },
    ],
  ])('%s', (_, changed, expected) => {
    expect(readiness(facts(changed))).toEqual(expected);
  });

  const anyFacts = fc.record<Facts>({
    unchangedMs: fc.nat(10_000),
    quietMs: fc.nat(10_000),
    doneMarker: fc.constantFrom('not needed', 'present', 'missing'),
    proof: fc.constantFrom(undefined, complete, doubtful, silent, unproved, incomplete, corrupt),
    incompleteAfterMs: fc.nat(20_000),
  });

  test('is never handed on while it changes, without its marker or without a proof', () => {
    fc.assert(
      fc.property(anyFacts, (any) => {
        const { kind } = readiness(any);
        if (kind !== 'ready' && kind !== 'give up') return;
        expect(any.unchangedMs).toBeGreaterThanOrEqual(any.quietMs);
        expect(any.doneMarker).not.toBe('missing');
        expect(any.proof).toBeDefined();
      }),
    );
  });

  test('always comes to an end: with a marker, every wait leads to a proof and every proof to a hand-over', () => {
    fc.assert(
      fc.property(anyFacts, (any) => {
        let now: Facts = { ...any, doneMarker: 'present' };
        for (let steps = 0; ; steps += 1) {
          const next = readiness(now);
          if (next.kind === 'ready' || next.kind === 'give up') return;
          expect(steps).toBeLessThan(20);
          if (next.kind === 'prove') now = { ...now, proof: incomplete };
          else {
            expect(next.forMs).toBeGreaterThan(0);
            now = { ...now, unchangedMs: now.unchangedMs + next.forMs };
          }
        }
      }),
    );
  });
});
