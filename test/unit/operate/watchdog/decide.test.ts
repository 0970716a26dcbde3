import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  NOT_STUCK,
  judgeProgress,
  type Decision,
  type Sample,
  type Stuck,
} from '../../../../src/operate/watchdog/decide.ts';

const LIMITS = { idleMs: 100, busyMs: 1000 };
const sample = (changes: Partial<Sample> = {}): Sample => ({
  waiting: 0,
  active: 0,
  activeHere: 0,
  finished: 0,
  heldBecause: undefined,
  ...changes,
});

/** What is decided at each look; a look is every 60 ms. */
function decide(samples: readonly Sample[]): readonly Decision['kind'][] {
  let stuck: Stuck = NOT_STUCK;
  return samples.map((one, index) => {
    const judged = judgeProgress(stuck, one, index * 60, LIMITS);
    ({ stuck } = judged);
    return judged.decision.kind;
  });
}

const times = (n: number, one: Sample): Sample[] => Array.from({ length: n }, () => one);

test('work that waits while no worker takes it: a new worker, then a new process', () => {
  expect(decide(times(9, sample({ waiting: 5 })))).toEqual([
    'fine',
    'fine',
    'fine',
    'recreate the worker',
    'fine',
    'fine',
    'end the process',
    'end the process',
    'end the process',
  ]);
});

test('a job that does not end: a new process', () => {
  const decisions = decide(times(20, sample({ active: 1, activeHere: 1 })));
  expect(decisions.indexOf('end the process')).toBe(18);
  expect(decisions).not.toContain('recreate the worker');
});

test.each([
  ['there is no work', sample()],
  ['it is paused', sample({ waiting: 5, heldBecause: 'paused' })],
  ['the store is away', sample({ waiting: 5, activeHere: 1, active: 1, heldBecause: 'network' })],
  ['another process works', sample({ waiting: 5, active: 3 })],
])('all is well for as long as it takes when %s', (_, one) => {
  expect(new Set(decide(times(50, one)))).toEqual(new Set(['fine']));
});

test('whatever happens, a role that finishes something at every look is let alone', () => {
  const looks = fc.array(fc.record({ waiting: fc.nat(9), active: fc.nat(9), activeHere: fc.nat(9) }), {
    maxLength: 60,
  });
  fc.assert(
    fc.property(looks, (changes) => {
      const samples = changes.map((change, finished) => sample({ ...change, finished }));
      expect(new Set(decide(samples)).has('end the process')).toBe(false);
      expect(new Set(decide(samples)).has('recreate the worker')).toBe(false);
    }),
  );
});
